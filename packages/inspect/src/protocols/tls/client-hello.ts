import { Malformed, Reader } from '@sekisho/core'
import { latin1 } from '../../ascii.ts'

/*
 * ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2; with a cookie in DTLS, RFC 6347 section 4.2.1):
 *   version(16) random(32 bytes) <session id>8 [<cookie>8] <cipher suites>16 <compressions>8 [<extensions>16]
 *   extension: type(16) <data>16                                              <…>n: a length of n bits, then so many bytes
 */
export interface ClientHello {
  readonly version: number
  readonly ciphers: readonly number[]
  /** Types, in their order. */
  readonly extensions: readonly number[]
  /** Lower case, without a last dot. */
  readonly sni?: string
  readonly alpn: readonly Uint8Array[]
  readonly versions: readonly number[]
  readonly groups: readonly number[]
  readonly signatures: readonly number[]
}

const EXTENSION = { serverName: 0, groups: 10, signatures: 13, alpn: 16, versions: 43, ech: 0xfe0d } as const
const HOST_NAME = 0

/** RFC 8701: values that mean nothing, so that nobody gets used to knowing them all. */
export const isGrease = (value: number): boolean =>
  (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
/** Encrypted Client Hello: the name in the clear is of the front that all its customers share. */
export const hidesAnother = (hello: ClientHello): boolean => hello.extensions.includes(EXTENSION.ech)
export const offersProtocols = (hello: ClientHello): boolean => hello.extensions.includes(EXTENSION.alpn)

export const vector8 = (reader: Reader): Reader => reader.sub(reader.u8())
export const vector16 = (reader: Reader): Reader => reader.sub(reader.u16be())

function numbers(reader: Reader): number[] {
  const list: number[] = []
  while (reader.left > 0) list.push(reader.u16be())
  return list
}

/** @param body of the handshake message, without its header; raises `Malformed`. */
export function parseClientHello(body: Uint8Array, cookie: boolean): ClientHello {
  const reader = new Reader(body)
  const version = reader.u16be()
  reader.skip(32)
  vector8(reader)
  if (cookie) vector8(reader)
  const ciphers = numbers(vector16(reader))
  vector8(reader)
  const extensions = new Extensions()
  if (reader.left > 0) {
    const list = vector16(reader)
    while (list.left > 0) extensions.read(list.u16be(), vector16(list))
  }
  if (reader.left > 0) throw new Malformed('bytes after the extensions of a hello', reader.at)
  return { version, ciphers, ...extensions.found() }
}

class Extensions {
  readonly #types: number[] = []
  #sni: string | undefined
  #alpn: readonly Uint8Array[] = []
  #versions: readonly number[] = []
  #groups: readonly number[] = []
  #signatures: readonly number[] = []

  found(): Omit<ClientHello, 'version' | 'ciphers'> {
    return {
      extensions: this.#types,
      ...(this.#sni !== undefined && { sni: this.#sni }),
      alpn: this.#alpn,
      versions: this.#versions,
      groups: this.#groups,
      signatures: this.#signatures,
    }
  }

  read(type: number, data: Reader): void {
    // Which of two names would a server take?
    if (type === EXTENSION.serverName && this.#types.includes(type))
      throw new Malformed('two server names', data.at)
    this.#types.push(type)
    switch (type) {
      case EXTENSION.serverName:
        this.#sni = serverName(data)
        break
      case EXTENSION.alpn:
        this.#alpn = protocolNames(data)
        break
      case EXTENSION.versions:
        this.#versions = numbers(vector8(data))
        break
      case EXTENSION.groups:
        this.#groups = numbers(vector16(data))
        break
      case EXTENSION.signatures:
        this.#signatures = numbers(vector16(data))
        break
      default: // Known by its type alone.
    }
  }
}

/** RFC 6066 section 3: a list with at most one name of each type, of which only one has ever been defined. */
function serverName(data: Reader): string {
  const list = vector16(data)
  const type = list.u8()
  const bytes = vector16(list)
  if (type !== HOST_NAME || list.left > 0 || data.left > 0) throw new Malformed('two server names', data.at)
  const name = latin1(bytes.bytes(bytes.left)).toLowerCase()
  if (!/^[\x21-\x7e]+$/.test(name)) throw new Malformed('server name that is none', data.at)
  return name.replace(/\.$/, '')
}

export function protocolNames(data: Reader): Uint8Array[] {
  const list = vector16(data)
  const names: Uint8Array[] = []
  while (list.left > 0) {
    const name = vector8(list)
    names.push(name.bytes(name.left))
  }
  return names
}
