import type { StreamMemory } from './memory.ts'
import { Retained } from './retained.ts'

/** How far `a` is ahead of `b` in sequence space, which wraps (RFC 9293 section 3.4); negative when it is behind. */
export const ahead = (a: number, b: number): number => (a - b) | 0

/** What one side has said, as it passed. */
export class Half {
  readonly retained: Retained
  isBegun = false
  /** Its first sequence number, that of SYN; of a stream that was taken over, where that happened. */
  initial = 0
  /** The sequence number after all data that has passed. */
  end = 0
  /** FIN has passed, after that data. */
  isEnded = false
  /** Everything before it is at the receiver. */
  acknowledged = 0
  hasTimestamp = false
  /** The newest that has passed with data. */
  timestamp = 0

  constructor(memory: StreamMemory) {
    this.retained = new Retained(memory)
  }

  /** The sequence number that comes next: FIN takes one. */
  get next(): number {
    return this.isEnded ? (this.end + 1) >>> 0 : this.end
  }

  /** @param first the sequence number of the first byte. */
  begin(initial: number, first: number): void {
    this.isBegun = true
    this.initial = initial
    this.end = first
    this.acknowledged = first
  }

  /** The other side has everything before `number`. What is not new changes nothing. */
  acknowledge(number: number): void {
    const fresh = ahead(number, this.acknowledged)
    if (fresh <= 0) return
    this.retained.release(fresh)
    this.acknowledged = number
  }

  advance(count: number): void {
    this.end = (this.end + count) >>> 0
  }

  stamp(timestamp: number): void {
    if (this.hasTimestamp && ahead(timestamp, this.timestamp) <= 0) return
    this.hasTimestamp = true
    this.timestamp = timestamp
  }
}
