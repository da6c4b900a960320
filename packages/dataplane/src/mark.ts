/**
 * What Sekisho keeps in the conntrack mark (32 bits, shared with others):
 *
 *     31       30 ............. 12   11 ........ 0
 *     denied   generation (19)       others'
 *
 * The low bits stay untouched because service meshes and cloud CNIs keep theirs there (Istio 0xfff, AWS 0x80).
 * A verdict counts only while its generation is the current one; generation 0 is never current, so an unmarked
 * connection is never taken for a judged one.
 */
export const MARK_MASK = 0xfffff000
const DENIED = 0x80000000
const SHIFT = 12
export const GENERATIONS = 2 ** 19

/**
 * What a thread that inspects tells the chains behind its queue, in the packet's mark (32 bits, shared with others): at
 * most one, which holds for the connection until another comes. All are cleared before a packet is queued, and behind the
 * queue.
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
  /** All packets of both directions are to be queued, empty ones too: acknowledgements are waited for. */
  everything: 0x0040_0000,
} as const

/** In the mark of packets that end a denied connection: they are Sekisho's own, and no policy is asked about them. */
export const OWN_PACKET = 0x0080_0000

/** A mark as nft writes it. */
export const markText = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`

/** The generation after this one; the last is followed by 1. */
export const nextGeneration = (generation: number): number => (generation % (GENERATIONS - 1)) + 1

export const MASK_TEXT = markText(MARK_MASK)
export const OTHERS_TEXT = markText(~MARK_MASK)
export const allowedMark = (generation: number): number => (generation << SHIFT) >>> 0
export const deniedMark = (generation: number): number => ((generation << SHIFT) | DENIED) >>> 0

export type Stamp = { readonly verdict: 'allowed' | 'denied'; readonly generation: number }

/** What a connection's mark says, or undefined when Sekisho has not judged it. */
export function readMark(mark: number): Stamp | undefined {
  const generation = (mark >>> SHIFT) % GENERATIONS
  if (generation === 0) return undefined
  return { verdict: (mark & DENIED) === 0 ? 'allowed' : 'denied', generation }
}
