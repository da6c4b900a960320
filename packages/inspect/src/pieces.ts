import { Malformed } from '@sekisho/core'
import { copyOf } from './bytes.ts'

interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
}

/** What a piece costs besides its bytes, so that empty ones are not free. */
const PIECE_BYTES = 64

/** A message that comes in pieces, in any order and some more than once, as in the datagrams of QUIC and DTLS. */
export class Pieces {
  readonly #limit: number
  #pieces: Piece[] = []
  #held = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Raises `Malformed` where more would be held than is allowed. */
  add(at: number, bytes: Uint8Array): void {
    this.#held += bytes.length + PIECE_BYTES
    if (this.#held > this.#limit || at > this.#limit) throw new Malformed('hello longer than is held', 0)
    this.#pieces = [...this.#pieces, { at, bytes: copyOf(bytes) }].toSorted((a, b) => a.at - b.at)
  }

  /** What has come from the beginning on without a gap. Raises `Malformed` where pieces contradict each other. */
  beginning(): Uint8Array {
    const bytes = new Uint8Array(this.#held)
    let end = 0
    for (const piece of this.#pieces) {
      if (piece.at > end) break
      const known = bytes.subarray(piece.at, end)
      // Which of the two would the server read?
      if (known.some((byte, i) => i < piece.bytes.length && byte !== piece.bytes[i]))
        throw new Malformed('pieces of a hello that contradict each other', piece.at)
      bytes.set(piece.bytes, piece.at)
      end = Math.max(end, piece.at + piece.bytes.length)
    }
    return bytes.subarray(0, end)
  }
}
