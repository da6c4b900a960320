import { type FlowDetail, LIMITS } from '@sekisho/core'
import { Identifier } from '@sekisho/inspect'
import type { FlowFacts } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import { Identification, type Recognised } from '../../src/inspection/identification.ts'
import type { ConversationEnds, InspectorOptions, OfferedPacket } from '../../src/inspection/inspector.ts'
import { Recollection } from '../../src/inspection/recollection.ts'
import { Connection, datagram, IP4, IP6 } from './connection.ts'
import { identifier } from './scripted.ts'

function identifying(options: Partial<Pick<InspectorOptions, 'overrides'>> = {}) {
  const heard: [ConversationEnds, Recognised][] = []
  const details: (readonly FlowDetail[])[] = []
  const released = new Recollection<FlowFacts>(64)
  const identification = new Identification({
    identifier: identifier(),
    released,
    notice(ends, notice, said) {
      heard.push([ends, notice])
      details.push(said)
    },
    ...options,
  })
  const spoken = () =>
    heard.map(([, notice]) => (notice.kind === 'identified' ? notice.application : 'unknown'))
  const offer = (...packets: readonly OfferedPacket[]) => packets.map(each => identification.packet(each))
  return { identification, heard, details, spoken, offer, released }
}

test.each([
  ['IPv4', IP4],
  ['IPv6', IP6],
] as const)('over %s the first packet that says something decides', (_family, at) => {
  const { heard, offer, identification } = identifying()
  expect(offer(new Connection(at).client('redis'))).toEqual(['identified'])
  const ends = { ...at, protocol: 'TCP', port: 80, clientPort: 40_000 }
  expect(heard).toMatchObject([[ends, { kind: 'identified', application: 'redis' }]])
  expect(identification.flows).toBe(0)
})

test('what the first packet turns out to be counts, and not what it looked like', () => {
  const { spoken, offer } = identifying()
  offer(new Connection().client('http more'))
  expect(spoken()).toEqual(['stratum'])
})

test('what is said besides is told with it, by connections that begin alike too', () => {
  const { details, offer } = identifying()
  const [one, other] = [new Connection(), new Connection(IP4, { client: 40_001, server: 80, first: 9_000 })]
  offer(one.client('tls user hello'), other.client('tls user hello'), new Connection(IP6).client('tls'))
  const said = [
    { detail: 'user', value: 'ada' },
    { detail: 'host', value: 'shop.example' },
  ]
  expect(details).toEqual([said, said, []])
})

test('the server may be who speaks first', () => {
  const { spoken, offer } = identifying()
  const tcp = new Connection()
  expect(offer(tcp.server('welcome'), tcp.client('redis'))).toEqual(['pass', 'identified'])
  expect(spoken()).toEqual(['redis'])
})

test('what nothing fits is unknown, and passes', () => {
  const { spoken, offer } = identifying()
  expect(offer(new Connection().client('?'))).toEqual(['identified'])
  expect(spoken()).toEqual(['unknown'])
})

test('datagrams', () => {
  const { spoken, offer } = identifying()
  expect(offer(datagram('dig'))).toEqual(['identified'])
  expect(spoken()).toEqual(['dns'])
})

test('what a user says is not read', () => {
  const { heard, offer } = identifying({ overrides: () => 'kafka' })
  expect(offer(new Connection().client('redis'))).toEqual(['identified'])
  expect(heard).toMatchObject([[{}, { application: 'kafka', confidence: 'configured' }]])
})

describe('a conversation that does not tell at once', () => {
  test('is not read twice, nor beyond a hole', () => {
    const { spoken, offer } = identifying()
    const tcp = new Connection()
    const first = tcp.server('w')
    expect(offer(first, first, tcp.ahead('redis'))).toEqual(['pass', 'pass', 'identified'])
    expect(spoken()).toEqual(['redis'])
  })

  test('is let go after so many packets', () => {
    const { spoken, offer, identification } = identifying()
    const first = new Connection().server('w')
    const glances = offer(...Array.from({ length: 2 * LIMITS.openingPackets.value + 2 }, () => first))
    expect(glances.filter(glance => glance === 'identified')).toHaveLength(1)
    expect(glances.at(-1)).toBe('identified')
    expect(spoken()).toEqual(['unknown'])
    expect(identification.flows).toBe(0)
  })

  test('is another one where the same ports begin anew', () => {
    const { spoken, offer, identification } = identifying()
    offer(new Connection(IP4).server('w'))
    const next = new Connection(IP4, { client: 40_000, server: 80, first: 2 ** 24 })
    offer(next.server('w'), next.client('redis'))
    expect(spoken()).toEqual(['redis'])
    expect(identification.flows).toBe(0)
  })

  test('is forgotten when nothing follows', () => {
    const { identification, offer } = identifying()
    offer(new Connection().server('w'))
    expect(identification.flows).toBe(1)
    identification.age()
    identification.age()
    expect(identification.flows).toBe(0)
  })
})

describe('a connection that begins with the same bytes as one before', () => {
  const from = (client: number, server = 80) => new Connection(IP4, { client, server })

  test('speaks the same, is told by its own ends and remembered', () => {
    const { heard, offer, released } = identifying()
    const set: FlowFacts[] = []
    released.set = (_key, facts) => void set.push(facts)
    const firsts = [from(40_000).client('http more'), from(40_001, 81).client('http more')]
    expect(offer(...firsts)).toEqual(['identified', 'identified'])
    expect(heard).toMatchObject([
      [{ clientPort: 40_000, port: 80 }, { application: 'stratum' }],
      [{ clientPort: 40_001, port: 81 }, { application: 'stratum' }],
    ])
    expect(set).toEqual([{ application: 'stratum' }, { application: 'stratum' }])
  })

  test('is read where the server says them, and where they did not tell', () => {
    const { spoken, offer } = identifying()
    offer(from(40_000).client('redis'))
    expect(offer(from(40_001).server('redis'))).toEqual(['pass'])
    const begins = from(40_002)
    offer(begins.server('w'), begins.client('tls'))
    expect(spoken()).toEqual(['redis', 'tls'])
  })

  test('is what users say now', () => {
    const { spoken, offer, identification } = identifying()
    offer(from(40_000).client('redis'))
    identification.define({ identifier: new Identifier({ protocols: [] }) })
    offer(from(40_001).client('redis'))
    identification.define({
      identifier: identifier(),
      overrides: (_, __, port) => (port === 81 ? 'kafka' : undefined),
    })
    offer(from(40_002).client('redis'), from(40_003, 81).client('redis'), from(40_004).client('redis'))
    expect(spoken()).toEqual(['redis', 'unknown', 'redis', 'kafka', 'redis'])
  })
})

test('what was found out is remembered for policies that come to ask, of TCP alone', () => {
  const { offer, released } = identifying()
  const set: [string, FlowFacts][] = []
  released.set = (key, facts) => void set.push([key, facts])
  offer(new Connection().client('redis'), datagram('dig'))
  expect(set.map(([, facts]) => facts)).toEqual([{ application: 'redis' }])
})

test('what cannot be read passes and is counted, and says nothing', () => {
  const { identification, heard, offer } = identifying()
  const tcp = new Connection()
  const { bytes, ...broken } = tcp.client('redis')
  const forged = Uint8Array.from(bytes, (byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))
  const cut = { ...tcp.client('redis'), bytes: bytes.subarray(0, 24) }
  expect(offer({ ...broken, bytes: forged }, cut)).toEqual(['pass', 'pass'])
  expect([...identification.notInspected]).toEqual([
    ['checksum', 1],
    ['malformed-header', 1],
  ])
  expect(heard).toEqual([])
})
