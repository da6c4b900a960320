import { LIMITS, Malformed, Reader } from '@sekisho/core'
import { copyOf } from '../../bytes.ts'
import { variable } from './packet.ts'

/*
 * Frames of Initial packets (RFC 9000 section 12.4): PADDING 0, PING 1, ACK 2 and 3, CRYPTO 6, CONNECTION_CLOSE 0x1c.
 *   CRYPTO (section 19.6): offset(v) length(v) bytes, in any order and more than once
 */
const FRAME = { padding: 0x00, ping: 0x01, ack: 0x02, ackWithEcn: 0x03, crypto: 0x06, close: 0x1c } as const
const LIMIT = LIMITS.quicHelloBytes.value
/** What a piece costs besides its bytes, so that empty ones are not free. */
const PIECE_BYTES = 64

interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
}

/** The handshake's bytes, put in order. */
export class CryptoStream {
  #pieces: Piece[] = []
  #held = 0

  /** @param frames of one packet, decrypted; raises `Malformed`. */
  read(frames: Uint8Array): void {
    const reader = new Reader(frames)
    while (reader.left > 0) {
      const type = reader.u8()
      switch (type) {
        case FRAME.padding:
        case FRAME.ping:
          break
        case FRAME.ack:
        case FRAME.ackWithEcn:
          skipAck(reader, type === FRAME.ackWithEcn)
          break
        case FRAME.crypto: {
          const at = variable(reader)
          this.#add({ at, bytes: copyOf(reader.bytes(variable(reader))) })
          break
        }
        case FRAME.close:
          return
        default:
          throw new Malformed('frame that no Initial packet may have', reader.at)
      }
    }
  }

  #add(piece: Piece): void {
    this.#held += piece.bytes.length + PIECE_BYTES
    if (this.#held > LIMIT || piece.at > LIMIT) throw new Malformed('hello longer than is held', 0)
    this.#pieces = [...this.#pieces, piece].toSorted((a, b) => a.at - b.at)
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

/** RFC 9000 section 19.3: largest, delay, count, first range, then pairs; with ECN three counts more. */
function skipAck(reader: Reader, ecn: boolean): void {
  variable(reader)
  variable(reader)
  const count = variable(reader)
  variable(reader)
  for (let i = 0; i < 2 * count + (ecn ? 3 : 0); i++) variable(reader)
}
