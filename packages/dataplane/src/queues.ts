import type { OnFailure } from '@sekisho/policy'

/** The queue numbers of an inspection: six for each of its threads, from `first` on. */
export interface QueueRange {
  readonly first: number
  /** Threads; both directions of two addresses are always the same one's. */
  readonly workers: number
}

/**
 * Of what policies ask about, by what happens to packets that nobody decides, because the queue is full or its thread has
 * died. `identify`: nobody asks, but what is spoken shall be known; they pass.
 */
export type QueueClass = OnFailure | 'identify'
export const QUEUE_CLASSES = ['closed', 'open', 'identify'] as const satisfies readonly QueueClass[]
/** Whether a packet goes the way of who opened the connection. */
export type QueueSide = 'original' | 'reply'

/** The queues of one thread: a packet's queue says what becomes of it without a verdict, and who sent it. */
export type QueueNumbers = Readonly<Record<QueueClass, Readonly<Record<QueueSide, number>>>>

/** The first of a kind's queues; those of the other threads follow. */
export const firstQueue = ({ first, workers }: QueueRange, kind: QueueClass, side: QueueSide): number =>
  first + workers * (2 * QUEUE_CLASSES.indexOf(kind) + (side === 'original' ? 0 : 1))

/** For each thread its queues. */
export function queueNumbers(range: QueueRange): readonly QueueNumbers[] {
  return Array.from({ length: range.workers }, (_, worker) => {
    const pair = (kind: QueueClass) => ({
      original: firstQueue(range, kind, 'original') + worker,
      reply: firstQueue(range, kind, 'reply') + worker,
    })
    return { closed: pair('closed'), open: pair('open'), identify: pair('identify') }
  })
}
