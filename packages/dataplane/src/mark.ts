/**
 * What Sekisho keeps in the conntrack mark (32 bits, shared with others):
 *
 *     31 .. 28   27 ............. 12   11 ........ 0
 *     state      generation (16)      others'
 *
 * The low bits stay untouched because service meshes and cloud CNIs keep theirs there (Istio 0xfff, AWS 0x80).
 * A verdict counts only while its generation is the current one; generation 0 is never current, so an unmarked
 * connection is never taken for a judged one.
 */
export const MARK_MASK = 0xfffff000
export const STATE_MASK = 0xf0000000
export const GENERATION_MASK = 0x0ffff000
const STATE_SHIFT = 28
const GENERATION_SHIFT = 12
export const GENERATIONS = 2 ** 16

/**
 * Of an inspected connection the packets that say something are queued (`inspect`), of those only what is not sent in
 * reply (`requests`), or all there are (`everything`); beside it what becomes of packets that nobody decides. Of one that
 * no policy asks about (`identify`) what carries data is queued. A mark that is allowed is its generation and nothing else.
 */
export const STATE = {
  allowed: 0,
  denied: 2,
  inspectClosed: 4,
  inspectOpen: 6,
  identify: 7,
  requestsClosed: 8,
  requestsOpen: 10,
  everythingClosed: 12,
  everythingOpen: 14,
} as const
export type MarkState = keyof typeof STATE

/** The bits of the state that say what is queued: none of them where nothing is. */
export const QUEUED = { mask: 0xd0000000, requests: 0x80000000, everything: 0xc0000000 } as const

/**
 * What a thread that inspects tells the chains behind its queue, in three bits of the packet's mark (32 bits, shared with
 * others): at most one, which holds for the connection until another comes. The bits are cleared before a packet is queued,
 * and behind the queue.
 *
 * Of an inspected connection an *empty* packet of TCP is never queued, from the first one on: SYN of whoever opened it,
 * or ACK in either direction, without data and without FIN, RST, URG. It says nothing. SYN with ACK is not empty: by it
 * the connection begins.
 */
export const PACKET_MARK = {
  /** The kernel may have the rest of the connection. */
  released: 0x0010_0000,
  /** The kernel may have all that is sent in reply. */
  requestsOnly: 0x0020_0000,
  /** What is spoken is known, and no policy was asked: the kernel may have the rest if none asks now. */
  identified: 0x0030_0000,
  /** All packets of both directions are to be queued, empty ones too: acknowledgements are waited for. */
  everything: 0x0040_0000,
} as const

/** In the mark of packets that end a denied connection: they are Sekisho's own, and no policy is asked about them. */
export const OWN_PACKET = 0x0080_0000

/** A mark as nft writes it. */
export const markText = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`

/** The generation after this one; the last is followed by 1. */
export const nextGeneration = (generation: number): number => (generation % (GENERATIONS - 1)) + 1

export const stateMark = (state: MarkState): number => (STATE[state] << STATE_SHIFT) >>> 0
export const stampMark = (state: MarkState, generation: number): number =>
  (stateMark(state) | (generation << GENERATION_SHIFT)) >>> 0
export const generationOf = (mark: number): number => (mark & GENERATION_MASK) >>> GENERATION_SHIFT

export type Stamp = { readonly verdict: 'allowed' | 'denied' | 'inspected'; readonly generation: number }

/** What a connection's mark says, or undefined when Sekisho has not judged it. */
export function readMark(mark: number): Stamp | undefined {
  const generation = generationOf(mark)
  if (generation === 0) return undefined
  if ((mark & QUEUED.mask) !== 0) return { verdict: 'inspected', generation }
  return { verdict: mark >>> STATE_SHIFT === STATE.denied ? 'denied' : 'allowed', generation }
}
