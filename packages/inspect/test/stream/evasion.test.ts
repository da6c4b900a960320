import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PacketHeader, StreamMemory, TCP, TcpStream } from '../../src/index.ts'
import { type Arrival, type Preference, Receiver } from './receiver.ts'

const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 3_000)

/** One thing that an attacker sends, or that its victim answers. */
type Move =
  | {
      readonly kind: 'send'
      readonly flags: number
      /** From the number of the attacker's choice; near it, segments overlap in every way. */
      readonly offset: number
      readonly bytes: readonly number[]
      readonly acknowledges: number
      readonly timestamp: number | undefined
      /** It passes, and does not arrive, or is refused there: a low TTL, a bad checksum, an option. */
      readonly isLost: boolean
    }
  | { readonly kind: 'answer'; readonly isSyn: boolean }

const letter = fc.constantFrom(65, 66)
const flags = fc.oneof(
  { weight: 12, arbitrary: fc.constant(TCP.ACK) },
  { weight: 2, arbitrary: fc.constant(TCP.ACK | TCP.FIN) },
  { weight: 2, arbitrary: fc.constant(TCP.SYN) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(TCP.RST, TCP.RST | TCP.ACK, TCP.SYN | TCP.ACK, 0, TCP.SYN | TCP.FIN),
  },
  { weight: 1, arbitrary: fc.constant(TCP.ACK | TCP.URG) },
)
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      flags,
      offset: fc.integer({ min: -3, max: 12 }),
      bytes: fc.array(letter, { maxLength: 6 }),
      acknowledges: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, fc.integer({ min: -2, max: 3 })),
      timestamp: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      isLost: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('answer' as const), isSyn: fc.boolean() }) },
)

/** Most attacks begin with an honest handshake. */
const HANDSHAKE: readonly Move[] = [
  {
    kind: 'send',
    flags: TCP.SYN,
    offset: -1,
    bytes: [],
    acknowledges: 0,
    timestamp: undefined,
    isLost: false,
  },
  { kind: 'answer', isSyn: true },
]

function segmentOf(base: number, sent: Extract<Move, { kind: 'send' }>): Arrival {
  const header = new PacketHeader()
  header.flags = sent.flags
  header.sequence = (base + sent.offset) >>> 0
  header.acknowledgement = (Receiver.INITIAL + sent.acknowledges) >>> 0
  header.hasTimestamp = sent.timestamp !== undefined
  header.timestamp = sent.timestamp ?? 0
  return { header, payload: Uint8Array.from(sent.bytes) }
}

interface Attack {
  readonly base: number
  readonly moves: readonly Move[]
  readonly receiver: Receiver
  /** SYNs without data pass in the kernel, unseen. */
  readonly passesSyns?: boolean
  /** After so many moves only the client is followed, and every other answer of the server is not seen. */
  readonly oneSidedAfter?: number
}

/** Plays an attack; whatever the victim has read must be, at each moment, a beginning of what was inspected. */
function play({ base, moves, receiver, passesSyns = false, oneSidedAfter = moves.length }: Attack): void {
  const stream = new TcpStream(new StreamMemory())
  const inspected: number[] = []
  for (const [number, move] of moves.entries()) {
    if (number === oneSidedAfter) stream.followClientOnly()
    if (move.kind === 'answer') {
      if (number >= oneSidedAfter && number % 2 === 0) continue
      if (receiver.isOpen) stream.offer('server', receiver.answer(move.isSyn ? TCP.SYN : 0), new Uint8Array())
      continue
    }
    const arrival = segmentOf(base, move)
    const isSeen = !passesSyns || move.flags !== TCP.SYN || move.bytes.length > 0
    const passage = isSeen
      ? stream.offer('client', arrival.header, arrival.payload)
      : ({ verdict: 'accept' } as const)
    if (passage.verdict === 'drop') continue
    inspected.push(...(passage.fresh ?? []))
    if (!move.isLost) receiver.arrive(arrival)
    expect(receiver.read).toEqual(inspected.slice(0, receiver.read.length))
  }
}

const base = fc.constantFrom(1_000, 0, 0xffff_fffc)
const preference = fc.constantFrom<Preference>('first', 'last')
const moves = fc.array(move, { maxLength: 40 })

test('whatever a client sends to an open connection, its victim reads a beginning of what was inspected', () => {
  fc.assert(
    fc.property(base, preference, moves, (start, prefers, attack) => {
      play({ base: start, moves: [...HANDSHAKE, ...attack], receiver: new Receiver(prefers, false) })
    }),
    { numRuns },
  )
})

test('and when, from some moment on, only the client is followed', () => {
  const from = fc.integer({ min: HANDSHAKE.length, max: 20 })
  fc.assert(
    fc.property(base, preference, moves, from, (start, prefers, attack, oneSidedAfter) => {
      const receiver = new Receiver(prefers, false)
      play({ base: start, moves: [...HANDSHAKE, ...attack], receiver, oneSidedAfter })
    }),
    { numRuns },
  )
})

/** SYNs with several numbers, with and without data, of which the victim sees some. */
const syns = fc.array(
  fc.record({
    kind: fc.constant('send' as const),
    flags: fc.constant(TCP.SYN),
    offset: fc.integer({ min: -3, max: 1 }),
    bytes: fc.array(letter, { maxLength: 3 }),
    acknowledges: fc.constant(0),
    timestamp: fc.constant(undefined),
    isLost: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
)
const ANSWERED: Move = { kind: 'answer', isSyn: true }

test('and from the first SYN on, however many there are, seen or not, with and without data on them', () => {
  fc.assert(
    fc.property(
      base,
      preference,
      fc.record({ takesSynData: fc.boolean(), passesSyns: fc.boolean() }),
      syns,
      moves,
      (start, prefers, { takesSynData, passesSyns }, opening, attack) => {
        const receiver = new Receiver(prefers, takesSynData)
        play({ base: start, moves: [...opening, ANSWERED, ...attack], receiver, passesSyns })
      },
    ),
    { numRuns },
  )
})

/** What happens to one packet of an honest connection. */
const fate = fc.record({
  before: fc.boolean(),
  after: fc.boolean(),
  answer: fc.boolean(),
  size: fc.integer({ min: 1, max: 9 }),
})

test('an honest sender gets everything through, whatever is lost before and behind', () => {
  fc.assert(
    fc.property(
      base,
      fc.array(letter, { minLength: 1, maxLength: 60 }),
      fc.array(fate, { maxLength: 200 }),
      (start, text, fates) => {
        const receiver = new Receiver('first', false)
        const stream = new TcpStream(new StreamMemory())
        const syn = segmentOf(start, { ...HANDSHAKE[0], kind: 'send' } as Extract<Move, { kind: 'send' }>) // the first is a SYN
        stream.offer('client', syn.header, syn.payload)
        receiver.arrive(syn)
        stream.offer('server', receiver.answer(TCP.SYN), new Uint8Array())
        // The sender knows what is acknowledged; it repeats from there with segments of any size, three at a time.
        const inOrder = { before: false, after: false, answer: false, size: 5 }
        const queue = [...fates]
        let rounds = 0
        let acknowledged = 0
        while (acknowledged < text.length) {
          expect(++rounds).toBeLessThan(1_000)
          let from = acknowledged
          for (let i = 0; i < 3 && from < text.length; i++) {
            const { before, after, answer, size } = queue.pop() ?? inOrder
            const bytes = text.slice(from, from + size)
            const arrival = segmentOf(start, {
              kind: 'send',
              flags: TCP.ACK,
              offset: from,
              bytes,
              acknowledges: 1,
              timestamp: undefined,
              isLost: after,
            })
            from += bytes.length
            if (before || stream.offer('client', arrival.header, arrival.payload).verdict === 'drop') continue
            if (!after) receiver.arrive(arrival)
            const reply = receiver.answer(0)
            if (stream.offer('server', reply, new Uint8Array()).verdict === 'accept' && !answer)
              acknowledged = (reply.acknowledgement - start) | 0
          }
        }
        expect(receiver.read).toEqual(text)
      },
    ),
    { numRuns: Math.min(numRuns, 1_000) },
  )
})
