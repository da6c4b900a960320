import { describe, expect, test } from 'vitest'
import {
  Identifier,
  type InspectedFlow,
  type Inspection,
  Inspector,
  type PacketHints,
  TCP,
} from '../../src/index.ts'
import { FlowTable } from '../../src/inspector/flow-table.ts'
import { ssh } from '../../src/protocols/ssh/ssh.ts'
import { packet, type TcpOf, tcp, udp } from '../packet/packets.ts'

const CLIENT = { source: '192.0.2.1', destination: '192.0.2.2' }
const SERVER = { source: '192.0.2.2', destination: '192.0.2.1' }
const up = (of: TcpOf) => packet({ ...CLIENT, transport: tcp({ from: 40_000, to: 22, ...of }) })
const down = (of: TcpOf) => packet({ ...SERVER, transport: tcp({ from: 22, to: 40_000, ...of }) })

const HANDSHAKE = [
  up({ flags: TCP.SYN, sequence: 100, acknowledgement: 0 }),
  down({ flags: TCP.SYN | TCP.ACK, sequence: 500, acknowledgement: 101 }),
  up({ flags: TCP.ACK, sequence: 101, acknowledgement: 501 }),
]
const BANNER = up({ sequence: 101, acknowledgement: 501, text: 'SSH-2.0-OpenSSH_9.6\r\n' })

function inspector(limit?: number) {
  const closed: InspectedFlow<number>[] = []
  let opened = 0
  const one = new Inspector<number>({
    identifier: new Identifier({ protocols: [ssh] }),
    open: () => ++opened,
    onClosed: flow => closed.push(flow),
    ...(limit !== undefined && { limit }),
  })
  return { one, closed }
}

const brief = (inspection: Inspection<unknown>): string => {
  switch (inspection.kind) {
    case 'read':
      return [inspection.side, ...inspection.findings.map(({ kind }) => kind)].join(' ')
    case 'named':
      return inspection.application
    case 'drop':
    case 'unread':
      return `${inspection.kind}: ${inspection.why}`
  }
}

describe('from packet to findings', () => {
  test.each<[string, readonly (readonly [Uint8Array, PacketHints?])[], readonly string[]]>([
    [
      'a connection',
      [...HANDSHAKE, BANNER, BANNER].map(bytes => [bytes]),
      ['client', 'server', 'client', 'client identified detail', 'client'],
    ],
    ['a connection whose beginning was not seen', [[BANNER]], ['drop: midstream']],
    [
      'a segment with a wrong checksum, unless the kernel is yet to fill it in',
      [
        ...HANDSHAKE.map(bytes => [bytes] as const),
        [BANNER.with(-3, 0)],
        [BANNER.with(-3, 0), { skipChecksums: true }],
      ],
      ['client', 'server', 'client', 'drop: checksum', 'client identified detail'],
    ],
    ['a datagram', [[packet({ protocol: 17, transport: udp('abc') })]], ['client unknown']],
    ['ICMP', [[packet({ protocol: 1, transport: Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0) })]], ['icmp']],
    ['a tunnel', [[packet({ protocol: 47 })]], ['unread: gre']],
    [
      'a reply that is the first to be seen',
      [[down({ sequence: 9, text: 'x' }), { isReply: true }]],
      ['drop: midstream'],
    ],
  ])('%s', (_, packets, answers) => {
    const { one } = inspector()
    expect(packets.map(([bytes, hints]) => brief(one.inspect(bytes, hints)))).toEqual(answers)
  })

  test('who answers SYN is the server, though its packet is the first', () => {
    const { one } = inspector()
    expect(brief(one.inspect(HANDSHAKE[1] ?? new Uint8Array()))).toBe('drop: handshake')
    expect(brief(one.inspect(HANDSHAKE[0] ?? new Uint8Array()))).toBe('client')
  })

  test('what the caller remembers of a flow comes back with each of its packets', () => {
    const { one } = inspector()
    const states = [...HANDSHAKE, BANNER, packet({ protocol: 17, transport: udp('a') })].map(bytes => {
      const inspection = one.inspect(bytes)
      return inspection.kind === 'read' ? inspection.flow.state : undefined
    })
    expect(states).toEqual([1, 1, 1, 1, 2])
  })

  test('a SYN after the end is another connection', () => {
    const { one, closed } = inspector()
    for (const bytes of [...HANDSHAKE, BANNER]) one.inspect(bytes)
    one.inspect(down({ flags: TCP.RST, sequence: 501 }))
    expect(closed).toEqual([])
    const again = [
      up({ flags: TCP.SYN, sequence: 9_000 }),
      down({ flags: 0x12, sequence: 1, acknowledgement: 9_001 }),
    ]
    expect(again.map(bytes => brief(one.inspect(bytes)))).toEqual(['client', 'server'])
    expect(closed.map(({ state }) => state)).toEqual([1])
  })

  test('a flood of openings pushes out openings only, and all are counted', () => {
    const { one, closed } = inspector(20)
    for (const bytes of [...HANDSHAKE, BANNER]) one.inspect(bytes)
    for (let port = 1; port <= 100; port++) one.inspect(up({ flags: TCP.SYN, from: port }))
    expect(one.stats).toMatchObject({ flows: 11, evicted: 90 })
    expect(closed.length).toBe(90)
    expect(
      brief(one.inspect(down({ sequence: 501, acknowledgement: 101, text: 'SSH-2.0-y\r\n' }))),
    ).toContain('detail')
  })
})

describe('the table of flows', () => {
  const filled = (...keys: string[]) => {
    const removed: string[] = []
    const table = new FlowTable<{ isRecent: boolean; key: string }>(6, ({ key }) => removed.push(key))
    const add = (key: string) => table.add(key, { key, isRecent: false })
    keys.forEach(add)
    return { table, add, removed }
  }

  test('one that was used lately stays, the oldest of the others goes', () => {
    const { table, add, removed } = filled('a', 'b', 'c')
    table.get('a')
    add('d')
    expect(removed).toEqual(['b'])
    add('e')
    expect(removed).toEqual(['b', 'c'])
  })

  test('when all were used lately, one goes all the same', () => {
    const { table, add, removed } = filled('a', 'b', 'c')
    for (const key of ['a', 'b', 'c']) table.get(key)
    add('d')
    expect(removed).toEqual(['a'])
    expect(table.size).toBe(3)
  })

  test('those that were answered are apart', () => {
    const { table, add, removed } = filled('a', 'b', 'c')
    table.answer('a')
    for (const key of ['d', 'e', 'f']) add(key)
    expect(removed).toEqual(['b', 'c'])
    expect(table.get('a')?.key).toBe('a')
    expect(table.evicted).toBe(2)
  })
})
