import { LIMITS, Malformed } from '@sekisho/core'
import { startsWith } from '../../ascii.ts'
import { copyOf } from '../../bytes.ts'
import { Inbox } from '../../inbox.ts'

/*
 * Frame (RFC 9113 section 4.1):  length(24) type(8) flags(8) reserved(1) stream(31) payload(length)
 * Header blocks come in HEADERS or PUSH_PROMISE, and CONTINUATION until END_HEADERS, with nothing between (section 4.3).
 */
const HEADER_BYTES = 9
export const FRAME = { headers: 1, reset: 3, pushPromise: 5, continuation: 9 } as const
const FLAG = { endHeaders: 0x04, padded: 0x08, priority: 0x20 } as const
const PRIORITY_BYTES = 5
const STREAM_MASK = 0x7fff_ffff

export type Frame =
  | {
      readonly kind: 'headers'
      readonly stream: number
      readonly pushed: boolean
      readonly block: Uint8Array
    }
  /** Of any other type; its payload has been passed over. */
  | { readonly kind: 'other'; readonly type: number; readonly stream: number }

interface Begun {
  readonly stream: number
  readonly pushed: boolean
  readonly parts: Uint8Array[]
  bytes: number
}

/** The frames of one side. Only header blocks are held. */
export class Frames {
  readonly #inbox = new Inbox(LIMITS.http2HeaderBytes.value + HEADER_BYTES)
  #begun: Begun | undefined

  push(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
  }

  /** @returns whether the text has come, which stands before all frames; raises `Malformed`. */
  passed(text: string): boolean {
    const begins = startsWith(this.#inbox.all(), text)
    if (begins === 'no') throw new Malformed('preface that is none', 0)
    if (begins === 'yes') this.#inbox.skip(text.length)
    return begins === 'yes'
  }

  /** Before the call returns whose bytes these are. */
  keep(): void {
    if (!this.#inbox.keep()) throw new Malformed('frame longer than is held', 0)
  }

  /** @returns undefined when more bytes are needed. A block is valid only during the call; raises `Malformed`. */
  next(): Frame | undefined {
    for (;;) {
      const header = this.#inbox.peek(HEADER_BYTES)
      if (!header) return undefined
      const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES)
      const [length, type, flags] = [view.getUint32(0) >>> 8, view.getUint8(3), view.getUint8(4)]
      const stream = view.getUint32(5) & STREAM_MASK
      const carriesBlock = type === FRAME.headers || type === FRAME.pushPromise || type === FRAME.continuation
      if ((this.#begun !== undefined) !== (type === FRAME.continuation))
        throw new Malformed('header block interrupted or continued without a beginning', 0)
      if (!carriesBlock) {
        this.#inbox.skip(HEADER_BYTES + length)
        return { kind: 'other', type, stream }
      }
      if (length > LIMITS.http2HeaderBytes.value) throw new Malformed('header frame longer than is held', 0)
      const frame = this.#inbox.take(HEADER_BYTES + length)
      if (!frame) return undefined
      const whole = this.#block({ type, flags, stream, payload: frame.subarray(HEADER_BYTES) })
      if (whole) return whole
    }
  }

  /** @returns the block when it is whole. */
  #block(frame: { type: number; flags: number; stream: number; payload: Uint8Array }): Frame | undefined {
    const { type, flags, stream } = frame
    if (stream === 0) throw new Malformed('headers on no stream', 0)
    const part = type === FRAME.continuation ? frame.payload : unwrapped(type, flags, frame.payload)
    const pushed = type === FRAME.pushPromise
    this.#begun ??= { stream, pushed, parts: [], bytes: 0 }
    const begun = this.#begun
    if (begun.stream !== stream) throw new Malformed('header block continued on another stream', 0)
    // Empty frames count as well: without end they would cost a server its time (CVE-2024-27316).
    begun.bytes += HEADER_BYTES + part.length
    if (begun.bytes > LIMITS.http2HeaderBytes.value)
      throw new Malformed('header block longer than is held', 0)
    if (flags & FLAG.endHeaders) {
      this.#begun = undefined
      begun.parts.push(part)
      return { kind: 'headers', stream, pushed: begun.pushed, block: concat(begun.parts) }
    }
    begun.parts.push(copyOf(part))
    return undefined
  }
}

/** The fragment of a header block without padding, priority or promised stream (RFC 9113 sections 6.2 and 6.6). */
function unwrapped(type: number, flags: number, payload: Uint8Array): Uint8Array {
  const padded = (flags & FLAG.padded) !== 0
  const padding = padded ? (payload[0] ?? 0) : 0
  const priority = type === FRAME.headers && flags & FLAG.priority ? PRIORITY_BYTES : 0
  const promised = type === FRAME.pushPromise ? 4 : 0
  const start = (padded ? 1 : 0) + priority + promised
  if (start + padding > payload.length) throw new Malformed('padding longer than its frame', 0)
  return payload.subarray(start, payload.length - padding)
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  if (only && parts.length === 1) return only
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
