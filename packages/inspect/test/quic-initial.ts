import { createCipheriv } from 'node:crypto'
import { type InitialKeys, initialKeys } from '../src/protocols/quic/keys.ts'
import { quicVersion } from '../src/protocols/quic/versions.ts'
import { bytesOf } from './conversation.ts'
import { hello, message, serverName, u16 } from './hello.ts'

export const V1 = 1
export const V2 = 0x6b33_43cf
export const ID = bytesOf('12345678')

export function keysOf(version: number, id: Uint8Array): InitialKeys {
  const known = quicVersion(version)
  if (!known) throw new Error('a version without keys')
  return initialKeys(known, id)
}

export interface Packet {
  readonly version?: number
  readonly id?: Uint8Array
  /** Whose keys seal it, where they are another one's. */
  readonly keysOfId?: Uint8Array
  readonly number?: number
  readonly frames: string
  readonly size?: number
}

/** A client's Initial, sealed as RFC 9001 section 5 says. */
export function initial({
  version = V1,
  id = ID,
  keysOfId = id,
  number = 0,
  frames,
  size = 1_200,
}: Packet): Uint8Array {
  const keys = keysOf(version, keysOfId)
  const first = version === V2 ? 0xd1 : 0xc1
  const start = [first, ...[24, 16, 8, 0].map(bits => (version >>> bits) & 255), id.length, ...id, 0, 0]
  const length = size - start.length - 2
  const header = Uint8Array.from([...start, 0x40 | (length >> 8), length & 255, number >> 8, number & 255])
  const plain = bytesOf(frames.padEnd(length - 2 - 16, '\0'))
  const nonce = Uint8Array.from(keys.iv)
  nonce[10] = (nonce[10] ?? 0) ^ (number >> 8)
  nonce[11] = (nonce[11] ?? 0) ^ (number & 255)
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce)
  cipher.setAAD(header)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  const mask = createCipheriv('aes-128-ecb', keys.headerProtection, null).update(sealed.subarray(2, 18))
  header[0] = first ^ ((mask[0] ?? 0) & 0x0f)
  for (const i of [1, 2])
    header[header.length - 3 + i] = (header[header.length - 3 + i] ?? 0) ^ (mask[i] ?? 0)
  return Buffer.concat([header, sealed])
}

export const crypto = (at: number, text: string): string =>
  `\x06${u16(0x4000 | at)}${u16(0x4000 | text.length)}${text}`
export const HELLO = message(1, hello(serverName('shop.example')))
