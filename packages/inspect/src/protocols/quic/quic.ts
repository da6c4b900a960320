import { LIMITS, Malformed, Reader } from '@sekisho/core'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Pieces } from '../../pieces.ts'
import {
  certain,
  likely,
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
import { readFrames } from './frames.ts'
import { type InitialKeys, initialKeys, openInitial } from './keys.ts'
import { type Initial, initialsOf, type LongHeader, longHeader } from './packet.ts'
import { ascii, isGoogleVersion, isReserved, quicVersion } from './versions.ts'

/*
 * QUIC (RFC 9000, 9001, 9369) up to the client's hello, which is TLS 1.3 in CRYPTO frames of Initial packets, often
 * spread over several datagrams.
 */
/** RFC 9000 section 14.1: a client fills the datagrams of its Initial packets up to this. */
const CLIENT_DATAGRAM_BYTES = 1_200
const HELLO = 1
const MESSAGE_HEADER_BYTES = 4
/** Datagrams of a client that may come before its hello is whole; 0-RTT data among them. */
const DATAGRAMS = 64
const NEGOTIATION = 0

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0 && server.length === 0) return MORE
  if (client.length === 0) return ofServer(server)
  const google = googleVersion(client)
  if (google !== undefined) return certain(`version "${google}"`)
  const header = headerOf(client)
  if (!header) return NO
  const version = quicVersion(header.version)
  if (version && isFull(client)) return certain(`Initial packet of ${version.name}`)
  if (isReserved(header.version) && client.length >= CLIENT_DATAGRAM_BYTES) return likely('reserved version')
  return NO
}

/** A client's Initial fills its datagram; of the packets in it, lengths and identifiers fit. */
const isFull = (client: Uint8Array): boolean =>
  client.length >= CLIENT_DATAGRAM_BYTES && attempt(() => initialsOf(client).length > 0) === true

function ofServer(server: Uint8Array): Recognition {
  const header = headerOf(server)
  if (!header) return NO
  if (header.version === NEGOTIATION) return likely('version negotiation')
  const version = quicVersion(header.version)
  return version ? likely(`long header of ${version.name}`) : NO
}

const headerOf = (bytes: Uint8Array): LongHeader | undefined => attempt(() => longHeader(new Reader(bytes)))

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

const PUBLIC_VERSION = 0x01
const PUBLIC_ID = 0x08

/** "Q046" after the first byte of a long header; before, after a byte of flags and an id of eight bytes. */
function googleVersion(bytes: Uint8Array): string | undefined {
  if (bytes.length < 13) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const first = view.getUint8(0)
  if (first & 0x80 && isGoogleVersion(view.getUint32(1))) return ascii(view.getUint32(1))
  const isPublic = (first & 0xc0) === 0 && first & PUBLIC_VERSION && first & PUBLIC_ID
  return isPublic && isGoogleVersion(view.getUint32(9)) ? ascii(view.getUint32(9)) : undefined
}

class QuicReader implements BoldReader {
  readonly #handshake = new Pieces(LIMITS.quicHelloBytes.value)
  #keys: InitialKeys | undefined
  #datagrams = 0

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') return
    const google = googleVersion(bytes)
    if (google !== undefined) {
      found.push(detail('protocol-version', google), { kind: 'opaque' })
      return
    }
    if (++this.#datagrams > DATAGRAMS) throw new Malformed('no hello among the first datagrams', 0)
    for (const initial of initialsOf(bytes)) {
      const frames = this.#open(initial)
      if (!frames) continue
      readFrames(frames, this.#handshake)
      if (this.#hello(initial.version.name, found)) return
    }
  }

  /**
   * The keys are those of the first id that the client made up; after a Retry, of the one that the server chose
   * (RFC 9001 section 5.2).
   */
  #open({ version, destination, packet, numberAt }: Initial): Uint8Array | undefined {
    const frames = this.#keys && openInitial(packet, numberAt, this.#keys)
    if (frames) return frames
    const keys = initialKeys(version, destination)
    const opened = openInitial(packet, numberAt, keys)
    if (opened) this.#keys = keys
    return opened
  }

  /** @returns whether the hello is whole. */
  #hello(version: string, found: Reading[]): boolean {
    const bytes = this.#handshake.beginning()
    const [type, high = 0, middle = 0, low = 0] = bytes
    if (type === undefined) return false
    if (type !== HELLO) throw new Malformed('handshake without a client hello', 0)
    const end = MESSAGE_HEADER_BYTES + ((high << 16) | (middle << 8) | low)
    if (bytes.length < Math.max(end, MESSAGE_HEADER_BYTES)) return false
    const hello = parseClientHello(bytes.subarray(MESSAGE_HEADER_BYTES, end), false)
    found.push(detail('protocol-version', version), ...helloReadings(hello, 'q'), { kind: 'opaque' })
    return true
  }
}

export const quic: Protocol = {
  application: 'quic',
  transports: ['UDP'],
  recognise,
  open: () => guarded(new QuicReader()),
}
