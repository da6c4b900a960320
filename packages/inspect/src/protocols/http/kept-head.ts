import { copyOf } from '../../bytes.ts'
import { LF, unnotedEnd } from './fields.ts'

/** `fields`: but for lines of fields that are not looked for, such as a number for tracing. */
export type Sameness = 'same' | 'fields' | 'other'

/** The bytes of a head as it was made last, to know it again. */
export class KeptHead {
  #bytes: Uint8Array = new Uint8Array()
  /** The same bytes, as the platform compares them. */
  #buffer: Buffer = Buffer.alloc(0)
  #lines = 0

  /** @param lines where its field lines begin; default: where those of the last one did. */
  keep(bytes: Uint8Array, lines = this.#lines): void {
    if (this.#bytes.length === bytes.length) this.#bytes.set(bytes)
    else {
      this.#bytes = copyOf(bytes)
      this.#buffer = Buffer.from(this.#bytes.buffer)
    }
    this.#lines = lines
  }

  /** How much of it these bytes say again, found without a string. Raises `Malformed` as `parseRequest` would. */
  compare(bytes: Uint8Array): Sameness {
    if (this.#buffer.equals(bytes)) return 'same'
    return this.#differsInFields(bytes) ? 'fields' : 'other'
  }

  /** In one pass: what is equal was read before, and of the rest only lines are read that stand in place of a line. */
  #differsInFields(bytes: Uint8Array): boolean {
    const kept = this.#bytes
    const [end, keptEnd] = [bytes.length, kept.length]
    let at = 0
    let keptAt = 0
    while (at >= 0 && keptAt >= 0) {
      while (at < end && keptAt < keptEnd && bytes[at] === kept[keptAt]) {
        at++
        keptAt++
      }
      if (at === end || keptAt === keptEnd) return at === end && keptAt === keptEnd
      // Back to where the line begins, which is the same in both.
      for (; at > 0 && bytes[at - 1] !== LF; at--) keptAt--
      if (keptAt < this.#lines) return false
      at = unnotedEnd(bytes, at)
      keptAt = unnotedEnd(kept, keptAt)
    }
    return false
  }
}
