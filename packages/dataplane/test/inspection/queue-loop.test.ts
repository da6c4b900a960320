import { LIMITS } from '@sekisho/core'
import type { PacketQueue, QueuedPacket, QueueVerdict } from '@sekisho/linux'
import type { OnFailure } from '@sekisho/policy'
import { describe, expect, test } from 'vitest'
import { Identification } from '../../src/inspection/identification.ts'
import { Inspector, type Terms } from '../../src/inspection/inspector.ts'
import { QueueLoop } from '../../src/inspection/queue-loop.ts'
import { Recollection } from '../../src/inspection/recollection.ts'
import { PACKET_MARK } from '../../src/mark.ts'
import { type QueueClass, queueNumbers } from '../../src/queues.ts'
import { Connection, IP6 } from './connection.ts'
import { ALLOWED, askingFor, identifier } from './scripted.ts'

const BATCH = 4
const [NUMBERS] = queueNumbers({ first: 40, workers: 1 })
const RELEASED = PACKET_MARK.released
/** Another user's bits of the mark. */
const MARK = 0x8000_0001

const NO_ANSWERS = { tell: (pass: () => void) => pass(), forget: () => undefined }

/** A queue whose packets are put there by hand; a verdict counts when it was sent. */
class FakeQueue implements PacketQueue {
  readonly fd = -1
  readonly batch = BATCH
  readonly refused = 0
  readonly sent: (readonly [id: number, QueueVerdict])[] = []
  readonly calls: string[] = []
  #noted: (readonly [id: number, QueueVerdict])[] = []
  #waiting: QueuedPacket[] = []
  #nextId = 1

  put(queue: number, bytes: Uint8Array, mark = 0): number {
    const id = this.#nextId++
    const header = { hook: 2, inInterface: 1, outInterface: 2, checksummed: true } as const
    this.#waiting.push({ id, queue, mark, bytes, length: bytes.length, ...header })
    return id
  }

  receive(visit: (packet: QueuedPacket) => void, wait = false): number {
    this.calls.push(wait ? 'wait' : 'look')
    const batch = this.#waiting.splice(0, BATCH)
    for (const packet of batch) {
      visit(packet)
      // The kernel's next packet lies where this one lay.
      packet.bytes.fill(0xee)
    }
    return batch.length
  }

  decide(id: number, verdict: QueueVerdict): void {
    this.#noted.push([id, verdict])
  }

  flush(): void {
    this.sent.push(...this.#noted)
    this.#noted = []
  }

  [Symbol.dispose](): void {
    this.#waiting = []
  }
}

function looping(known = true, kind: QueueClass = 'closed') {
  if (!NUMBERS) throw new TypeError('no queues')
  const queue = new FakeQueue()
  const terms: Terms = { ask: askingFor('redis', { requests: true }), facts: {}, onFailure: 'closed' }
  const state: { terms: Terms | undefined } = { terms: known ? terms : undefined }
  const inspector = new Inspector({
    identifier: identifier(),
    identify: false,
    terms: () => state.terms,
    notice: () => undefined,
  })
  const identification = new Identification({
    identifier: identifier(),
    released: new Recollection(2),
    notice: () => undefined,
  })
  const loop = new QueueLoop({ queue, numbers: NUMBERS, inspector, identification, answers: NO_ANSWERS })
  const put = ({ bytes, fromClient }: { bytes: Uint8Array; fromClient: boolean }, mark?: number) =>
    queue.put(NUMBERS[kind][fromClient ? 'original' : 'reply'], bytes, mark)
  return { queue, loop, put, state, terms }
}

describe('verdicts', () => {
  test('go to the queue that the packet came from, in their order', () => {
    const { queue, loop, put } = looping()
    const tcp = new Connection()
    for (const each of [...tcp.handshake(), tcp.client('r'), tcp.server('fine'), tcp.client('DEL')]) put(each)
    loop.turn()
    expect(queue.sent).toEqual([
      [1, { queue: 40, action: 'accept' }],
      [2, { queue: 41, action: 'accept' }],
      [3, { queue: 40, action: 'accept' }],
      [4, { queue: 40, action: 'accept' }],
      [5, { queue: 41, action: 'accept' }],
      [6, { queue: 40, action: 'drop' }],
    ])
  })

  test('a reply that does not pass', () => {
    const { queue, loop, put } = looping()
    const tcp = new Connection()
    put(tcp.server('out of nowhere'))
    loop.turn()
    expect(queue.sent).toEqual([[1, { queue: 41, action: 'drop' }]])
  })

  test('a release is a bit of the packet’s mark, whose other bits stay', () => {
    const { queue, loop, put, state, terms } = looping()
    state.terms = { ...terms, ask: () => ALLOWED }
    put(new Connection().syn(), MARK)
    loop.turn()
    expect(queue.sent).toEqual([[1, { queue: 40, action: 'accept', mark: (MARK | RELEASED) >>> 0 }]])
  })
})

test('what is to be queued of a connection is a bit of the packet’s mark', () => {
  const { queue, loop, put } = looping()
  const tcp = new Connection()
  for (const each of [...tcp.handshake(), tcp.client('r')]) put(each)
  put(tcp.server('alone'), MARK)
  put(tcp.client('x'.repeat(LIMITS.streamUnheardBytes.value + 1)), MARK)
  loop.turn()
  loop.turn()
  expect(queue.sent.slice(-2)).toEqual([
    [5, { queue: 41, action: 'accept', mark: (MARK | PACKET_MARK.requestsOnly) >>> 0 }],
    [6, { queue: 40, action: 'accept', mark: (MARK | PACKET_MARK.everything) >>> 0 }],
  ])
})

test('what no policy asks about is only identified, and says so', () => {
  const { queue, loop, put } = looping(false, 'identify')
  put(new Connection().client('r'), MARK)
  put(new Connection(IP6).server('later'))
  loop.turn()
  expect(queue.sent).toEqual([
    [1, { queue: 44, action: 'accept', mark: (MARK | PACKET_MARK.identified) >>> 0 }],
    [2, { queue: 45, action: 'accept' }],
  ])
})

describe('a turn', () => {
  const many = (count: number) => {
    const all = looping()
    const { bytes, fromClient } = new Connection().syn()
    for (let at = 0; at < count; at++) all.put({ bytes: bytes.slice(), fromClient })
    return all
  }

  test.each<[string, packets: number, wait: boolean, calls: readonly string[], sent: number]>([
    ['asks once where nothing waits', 0, false, ['look'], 0],
    ['blocks only where it was told to', 0, true, ['wait'], 0],
    ['what is not full was all there is', BATCH - 1, true, ['wait'], BATCH - 1],
    ['goes on after a full batch, without blocking', BATCH + 1, true, ['wait', 'look'], BATCH + 1],
    ['ends after so many', 17 * BATCH, false, Array<string>(16).fill('look'), 16 * BATCH],
  ])('%s', (_what, packets, wait, calls, sent) => {
    const { queue, loop } = many(packets)
    expect(loop.turn(wait)).toBe(packets > 0)
    expect(queue.calls).toEqual(calls)
    expect(queue.sent).toHaveLength(sent)
  })
})

describe('packets whose terms are not known', () => {
  test('stay, and are decided in their order once they are, by what they said then', () => {
    const { queue, loop, put, state, terms } = looping(false)
    const tcp = new Connection()
    for (const each of [...tcp.handshake(), tcp.client('r'), tcp.client('DEL')]) put(each)
    loop.turn()
    expect(queue.sent).toEqual([])
    loop.retry()
    expect(queue.sent).toEqual([])
    state.terms = terms
    loop.retry()
    expect(queue.sent).toEqual([
      [1, { queue: 40, action: 'accept' }],
      [2, { queue: 41, action: 'accept' }],
      [3, { queue: 40, action: 'accept' }],
      [4, { queue: 40, action: 'accept' }],
      [5, { queue: 40, action: 'drop' }],
    ])
    loop.retry()
    expect(queue.sent).toHaveLength(5)
  })

  test('keep their mark', () => {
    const { queue, loop, put, state, terms } = looping(false)
    put(new Connection().syn(), MARK)
    loop.turn()
    state.terms = { ...terms, ask: () => ALLOWED }
    loop.retry()
    expect(queue.sent).toEqual([[1, { queue: 40, action: 'accept', mark: (MARK | RELEASED) >>> 0 }]])
  })

  test.each<[OnFailure, QueueVerdict]>([
    ['closed', { queue: 40, action: 'drop' }],
    ['open', { queue: 42, action: 'accept' }],
  ])('are at most so many: the fate of others is %s', (kind, fate) => {
    const { queue, loop, put, state, terms } = looping(false, kind)
    const { bytes, fromClient } = new Connection().syn()
    const limit = LIMITS.waitingPackets.value
    for (let at = 0; at <= limit; at++) put({ bytes: bytes.slice(), fromClient })
    while (queue.calls.length * BATCH <= limit) loop.turn()
    expect(queue.sent).toEqual([[limit + 1, fate]])
    state.terms = terms
    loop.retry()
    expect(queue.sent).toHaveLength(limit + 1)
    expect(new Set(queue.sent.slice(1).map(([, { action }]) => action))).toEqual(new Set(['accept']))
  })
})
