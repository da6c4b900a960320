import { execFileSync, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  createNetns,
  deleteNetns,
  type NftExpression,
  openPacketQueue,
  openTransactions,
  type PacketQueue,
  type QueuedPacket,
} from '../src/index.ts'
import { describeAsRoot } from './privilege.ts'

const NAME = `lq${process.pid}`
const DECIDED = 0x0010_0000
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)
const UDP: readonly NftExpression[] = [
  { kind: 'meta', key: 'l4proto', to: 0 },
  { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(17) },
]

/** Sends one datagram to an address of the namespace. */
function send(ip: string, port: number, text: string): void {
  const script = `printf %s "${text}" > /dev/udp/${ip}/${port}`
  expect(spawnSync('ip', ['netns', 'exec', NAME, 'bash', '-c', script]).status).toBe(0)
}
const counted = (counter: string): number =>
  Number(
    /packets (\d+)/.exec(
      execFileSync('ip', ['netns', 'exec', NAME, 'nft', 'list', 'counter', 'inet', 'queued', counter], {
        encoding: 'utf8',
      }),
    )?.[1],
  )
/** Everything that waits, as text from the UDP header's end. */
function take(queue: PacketQueue, decide: (packet: QueuedPacket) => void): string[] {
  const texts: string[] = []
  const visit = (packet: QueuedPacket) => {
    const header = (packet.bytes[0] ?? 0) >> 4 === 4 ? 28 : 48
    texts.push(Buffer.from(packet.bytes.subarray(header)).toString())
    decide(packet)
  }
  while (queue.receive(visit) > 0);
  queue.flush()
  return texts
}

describeAsRoot('a packet queue', () => {
  beforeAll(() => {
    createNetns(NAME)
    execFileSync('ip', ['-n', NAME, 'link', 'set', 'lo', 'up'])
    using transactions = openTransactions({ netns: NAME })
    transactions.commit('queued', [
      { kind: 'add-table' },
      { kind: 'add-counter', name: 'passed' },
      { kind: 'add-counter', name: 'decided' },
      { kind: 'add-chain', name: 'before', base: { hook: 'output', priority: 0 } },
      { kind: 'add-chain', name: 'after', base: { hook: 'output', priority: 1 } },
      {
        kind: 'add-rule',
        chain: 'before',
        expressions: [...UDP, { kind: 'queue', first: 20, count: 2, bypass: true }],
      },
      { kind: 'add-rule', chain: 'after', expressions: [...UDP, { kind: 'counter', name: 'passed' }] },
      {
        kind: 'add-rule',
        chain: 'after',
        expressions: [
          { kind: 'meta', key: 'mark', to: 0 },
          { kind: 'compare', operator: '==', from: 0, value: u32(DECIDED) },
          { kind: 'counter', name: 'decided' },
        ],
      },
    ])
  })
  afterAll(() => deleteNetns(NAME))
  const open = () =>
    openPacketQueue({
      netns: NAME,
      queues: [20, 21].map(number => ({ number, length: 64, failOpen: false })),
    })

  test('a packet waits until its verdict, which may mark it for the chains behind', async () => {
    using queue = open()
    const before = { passed: counted('passed'), decided: counted('decided') }
    send('127.0.0.1', 90, 'dropped')
    send('::1', 90, 'accepted')
    send('127.0.0.1', 90, 'marked')
    const seen: string[] = []
    await vi.waitFor(() => {
      const decide = ({ id, queue: number, bytes }: QueuedPacket) => {
        const text = Buffer.from(bytes).toString()
        const action = text.endsWith('dropped') ? 'drop' : 'accept'
        queue.decide(id, {
          queue: number,
          action,
          ...(text.endsWith('marked') && { mark: DECIDED }),
        })
      }
      seen.push(...take(queue, decide))
      expect(seen.toSorted()).toEqual(['accepted', 'dropped', 'marked'])
    })
    await vi.waitFor(() => expect(counted('passed')).toBe(before.passed + 2))
    expect(counted('decided')).toBe(before.decided + 1)
    expect(queue.refused).toBe(0)
  })

  test('verdicts may come late, in any order; one for a packet that is not there is refused', async () => {
    using queue = open()
    const before = counted('passed')
    const waiting: { id: number; queue: number }[] = []
    for (const text of ['a', 'b', 'c']) send('127.0.0.1', 91, text)
    await vi.waitFor(() => {
      take(queue, ({ id, queue: number }) => waiting.push({ id, queue: number }))
      expect(waiting).toHaveLength(3)
    })
    expect(counted('passed')).toBe(before)
    for (const { id, queue: number } of waiting.toReversed())
      queue.decide(id, { queue: number, action: 'accept' })
    queue.decide(99_999, { queue: 20, action: 'accept' })
    queue.flush()
    expect(counted('passed')).toBe(before + 3)
    take(queue, () => undefined)
    expect(queue.refused).toBe(1)
  })

  test('one queue has one owner, and without one its packets pass where that was asked for', () => {
    const before = counted('passed')
    {
      using _owner = open()
      expect(open).toThrow('EPERM')
    }
    send('127.0.0.1', 92, 'nobody listens')
    expect(counted('passed')).toBe(before + 1)
  })
})
