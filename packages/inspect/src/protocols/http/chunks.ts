import { LIMITS, Malformed } from '@sekisho/core'
import { latin1 } from '../../ascii.ts'
import type { Inbox } from '../../inbox.ts'
import { LF, scanFields } from './fields.ts'

/*
 * Chunked transfer coding (RFC 9112 section 7.1), passed over without being held:
 *   *( chunk-size [chunk-ext] CR LF chunk-data CR LF )   "0" [chunk-ext] CR LF   trailers   CR LF
 */
const SIZE_LINE_BYTES = 256
/** Thirteen hex digits are all that a number holds exactly. Blanks after the size were common once; a sign never was. */
const SIZE_LINE = /^([0-9a-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r$/i
const CRLF = 0x0d0a

export class Chunks {
  #next: 'size' | 'end of data' | 'trailers' = 'size'

  /** @returns whether the body is over; false when more bytes are needed. Raises `Malformed`. */
  skip(inbox: Inbox): boolean {
    for (;;) {
      switch (this.#next) {
        case 'size':
          if (!this.#size(inbox)) return false
          break
        case 'end of data': {
          const end = inbox.take(2)
          if (!end) return false
          if (((end[0] ?? 0) << 8) + (end[1] ?? 0) !== CRLF) throw new Malformed('chunk without an end', 0)
          this.#next = 'size'
          break
        }
        case 'trailers':
          return skipTrailers(inbox)
      }
    }
  }

  #size(inbox: Inbox): boolean {
    const bytes = inbox.all()
    const end = bytes.indexOf(LF)
    if (end >= SIZE_LINE_BYTES || (end < 0 && bytes.length >= SIZE_LINE_BYTES))
      throw new Malformed('chunk size without an end', 0)
    if (end < 0) return false
    const digits = SIZE_LINE.exec(latin1(bytes.subarray(0, end)))?.[1]
    if (digits === undefined) throw new Malformed('chunk size that is none', 0)
    const size = Number.parseInt(digits, 16)
    inbox.skip(end + 1 + size)
    this.#next = size === 0 ? 'trailers' : 'end of data'
    return true
  }
}

function skipTrailers(inbox: Inbox): boolean {
  const end = scanFields(inbox.all(), 0, LIMITS.httpFields.value, [])
  if (end < 0) return false
  inbox.skip(end)
  return true
}
