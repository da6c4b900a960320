import { Malformed } from '@sekisho/core'
import { latin1 } from './ascii.ts'
import { Inbox } from './inbox.ts'

const LF = 0x0a

/** Collects the lines of one side of a text protocol; without their ends, at most so many bytes each. */
export class Lines {
  readonly #inbox: Inbox
  readonly #limit: number

  constructor(limit = 4_096) {
    this.#limit = limit
    this.#inbox = new Inbox(limit)
  }

  push(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
  }

  /** The next whole line; undefined while it has no end. */
  next(): string | undefined {
    const all = this.#inbox.all()
    const end = all.indexOf(LF)
    if (end < 0 || end > this.#limit) return undefined
    this.#inbox.skip(end + 1)
    return latin1(all.subarray(0, end), this.#limit).replace(/\r$/, '')
  }

  /** What stands behind the last line that was taken. */
  rest(): Uint8Array {
    return this.#inbox.all()
  }

  /** Passes over bytes that are no lines, such as the body of a message. */
  skip(count: number): void {
    this.#inbox.skip(count)
  }

  /** To be called before `read` returns. Raises `Malformed` for a line without an end. */
  keep(): void {
    if (!this.#inbox.keep()) throw new Malformed('a line longer than is read', 0)
  }
}
