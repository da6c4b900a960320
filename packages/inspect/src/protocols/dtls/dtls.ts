import { LIMITS, Malformed } from '@sekisho/core'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Pieces } from '../../pieces.ts'
import {
  certain,
  MORE,
  NO,
  type Opening,
  type Protocol,
  type Recognition,
  type Side,
} from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { parseClientHello } from '../tls/client-hello.ts'
import { helloReadings } from '../tls/hello-readings.ts'
import { cipherName, parseServerHello, versionName } from '../tls/server-hello.ts'
import { type HandshakePiece, piecesOf } from './records.ts'

/*
 * DTLS (RFC 6347, RFC 9147): TLS in datagrams. A server may ask for the hello again, with a cookie.
 */
const MESSAGE = { clientHello: 1, serverHello: 2, helloVerify: 3 } as const
const RECORD_HEADER_BYTES = 13
/** A hello, and the same again with a cookie; or with another key share. */
const HELLOS = 3

function recognise({ client, server }: Opening): Recognition {
  const sides = [
    { bytes: client, types: [MESSAGE.clientHello] },
    { bytes: server, types: [MESSAGE.serverHello, MESSAGE.helloVerify] },
  ].filter(({ bytes }) => bytes.length > 0)
  if (sides.length === 0) return MORE
  const fits = sides.every(({ bytes, types }) => types.some(type => type === firstMessage(bytes)))
  return fits ? certain('hello in a record of DTLS') : NO
}

function firstMessage(datagram: Uint8Array): number | undefined {
  if (datagram.length < RECORD_HEADER_BYTES) return undefined
  try {
    return piecesOf(datagram)[0]?.type
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

class DtlsReader implements BoldReader {
  /** Hellos of the client, by their number. */
  readonly #hellos = new Map<number, Pieces>()
  #sni: string | undefined
  #read = false

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    for (const piece of piecesOf(bytes)) {
      if (side === 'client' && piece.type === MESSAGE.clientHello) this.#hello(piece, found)
      if (side === 'client' || piece.type !== MESSAGE.serverHello) continue
      found.push(...serverReadings(piece), { kind: 'opaque' })
      return
    }
  }

  #hello({ message, length, offset, bytes }: HandshakePiece, found: Reading[]): void {
    const pieces = this.#hellos.get(message) ?? new Pieces(LIMITS.tlsHelloBytes.value)
    if (this.#hellos.set(message, pieces).size > HELLOS)
      throw new Malformed('more hellos than are asked for', 0)
    pieces.add(offset, bytes)
    const beginning = pieces.beginning()
    if (beginning.length < length) return
    const hello = parseClientHello(beginning.subarray(0, length), true)
    if (this.#read && hello.sni !== this.#sni) throw new Malformed('server name changed', 0)
    if (!this.#read) found.push(...helloReadings(hello, 'd'))
    this.#read = true
    this.#sni = hello.sni
  }
}

/** A server's hello is short and comes whole. */
function serverReadings({ offset, length, bytes }: HandshakePiece): readonly Reading[] {
  if (offset !== 0 || bytes.length < length) return []
  const { version, cipher } = parseServerHello(bytes)
  return [detail('protocol-version', versionName(version)), detail('cipher', cipherName(cipher))]
}

export const dtls: Protocol = {
  application: 'dtls',
  transports: ['UDP'],
  recognise,
  open: () => guarded(new DtlsReader()),
}
