import { Malformed, Reader } from '@sekisho/core'
import type { Pieces } from '../../pieces.ts'
import { variable } from './packet.ts'

/*
 * Frames of Initial packets (RFC 9000 section 12.4): PADDING 0, PING 1, ACK 2 and 3, CRYPTO 6, CONNECTION_CLOSE 0x1c.
 *   CRYPTO (section 19.6): offset(v) length(v) bytes, in any order and more than once
 */
const FRAME = { padding: 0x00, ping: 0x01, ack: 0x02, ackWithEcn: 0x03, crypto: 0x06, close: 0x1c } as const

/** Adds the handshake's bytes in one packet's frames to those of others; raises `Malformed`. */
export function readFrames(frames: Uint8Array, handshake: Pieces): void {
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
      case FRAME.crypto:
        handshake.add(variable(reader), reader.bytes(variable(reader)))
        break
      case FRAME.close:
        return
      default:
        throw new Malformed('frame that no Initial packet may have', reader.at)
    }
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
