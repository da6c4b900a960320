import { Malformed, Reader } from '@sekisho/core'

/*
 * DTLS (RFC 6347 section 4.1 and 4.2.2): records in datagrams, and handshake messages that may come in pieces
 *   record:     type(8) version(16) epoch(16) sequence(48) length(16) fragment
 *   handshake:  type(8) length(24) message(16) offset(24) length of the piece(24) piece
 */
export interface HandshakePiece {
  readonly type: number
  /** Of the whole message. */
  readonly length: number
  readonly message: number
  readonly offset: number
  /** Valid only during the call. */
  readonly bytes: Uint8Array
}

const HANDSHAKE = 22
/** 1.0, 1.2, and what OpenSSL sent before there was a standard. */
const VERSIONS: ReadonlySet<number> = new Set([0xfeff, 0xfefd, 0x0100])

/** Pieces of handshake messages in a datagram, as long as they are in the clear. Raises `Malformed`. */
export function piecesOf(datagram: Uint8Array): readonly HandshakePiece[] {
  const reader = new Reader(datagram)
  const pieces: HandshakePiece[] = []
  while (reader.left > 0) {
    const type = reader.u8()
    // From here on DTLS 1.3 has a header of its own, and encrypts (RFC 9147 section 4).
    if (type >> 5 === 1) return pieces
    if (!VERSIONS.has(reader.u16be())) throw new Malformed('record that is none', reader.at)
    const epoch = reader.u16be()
    reader.skip(6)
    const fragment = reader.sub(reader.u16be())
    if (type !== HANDSHAKE || epoch !== 0) continue
    while (fragment.left > 0) pieces.push(piece(fragment))
  }
  return pieces
}

function piece(reader: Reader): HandshakePiece {
  const [type, length, message] = [reader.u8(), u24(reader), reader.u16be()]
  const [offset, count] = [u24(reader), u24(reader)]
  if (offset + count > length) throw new Malformed('piece beyond its message', reader.at)
  return { type, length, message, offset, bytes: reader.bytes(count) }
}

const u24 = (reader: Reader): number => (reader.u8() << 16) | reader.u16be()
