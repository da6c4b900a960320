import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { copyOf } from '../../bytes.ts'
import type { QuicVersion } from './versions.ts'

/*
 * Keys of a client's Initial packets (RFC 9001 section 5.2): made of a salt that everybody knows and the connection id that
 * the packet shows. They keep nothing secret; they only hide from those who do not look.
 */
export interface InitialKeys {
  readonly key: Uint8Array
  readonly iv: Uint8Array
  readonly headerProtection: Uint8Array
}

const BLOCK_BYTES = 64
const sha256 = (first: Uint8Array, second: Uint8Array): Buffer =>
  createHash('sha256').update(first).update(second).digest()

/** RFC 2104, for keys of at most a block. The platform's own costs several times as much for a few bytes. */
const hmac = (key: Uint8Array, data: Uint8Array): Buffer =>
  sha256(padded(key, 0x5c), sha256(padded(key, 0x36), data))

function padded(key: Uint8Array, byte: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES).fill(byte)
  for (const [i, value] of key.entries()) block[i] = value ^ byte
  return block
}

/** HKDF-Expand-Label of RFC 8446 section 7.1, for up to 32 bytes without a context. */
function expand(secret: Uint8Array, label: string, length: number): Uint8Array {
  const full = `tls13 ${label}`
  const info = [0, length, full.length, ...Buffer.from(full), 0]
  return hmac(secret, Uint8Array.from([...info, 1])).subarray(0, length)
}

export function initialKeys({ salt, label }: QuicVersion, connectionId: Uint8Array): InitialKeys {
  const secret = expand(hmac(Buffer.from(salt, 'hex'), connectionId), 'client in', 32)
  return {
    key: expand(secret, `${label} key`, 16),
    iv: expand(secret, `${label} iv`, 12),
    headerProtection: expand(secret, `${label} hp`, 16),
  }
}

const SAMPLE_BYTES = 16
const TAG_BYTES = 16
const MOST_NUMBER_BYTES = 4

/**
 * @param packet one Initial packet, whole, and only it.
 * @param numberAt where its packet number begins.
 * @returns its frames; undefined where the keys are not its own, or it was changed on its way.
 */
export function openInitial(packet: Uint8Array, numberAt: number, keys: InitialKeys): Uint8Array | undefined {
  const sampleAt = numberAt + MOST_NUMBER_BYTES
  if (packet.length < sampleAt + SAMPLE_BYTES) return undefined
  const cipher = createCipheriv('aes-128-ecb', keys.headerProtection, null)
  const mask = cipher.update(packet.subarray(sampleAt, sampleAt + SAMPLE_BYTES))
  const first = (packet[0] ?? 0) ^ ((mask[0] ?? 0) & 0x0f)
  const length = (first & 0x03) + 1
  const header = copyOf(packet.subarray(0, numberAt + length))
  const nonce = Uint8Array.from(keys.iv)
  header[0] = first
  for (let i = 0; i < length; i++) {
    const byte = (header[numberAt + i] ?? 0) ^ (mask[1 + i] ?? 0)
    header[numberAt + i] = byte
    // Numbers of the first packets are below 2^32, so that what is sent of them is all of them.
    const at = nonce.length - length + i
    nonce[at] = (nonce[at] ?? 0) ^ byte
  }
  return decrypt({ key: keys.key, nonce, header, sealed: packet.subarray(header.length) })
}

interface Sealed {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly header: Uint8Array
  readonly sealed: Uint8Array
}

function decrypt({ key, nonce, header, sealed }: Sealed): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-128-gcm', key, nonce)
  decipher.setAAD(header)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const frames = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
  try {
    decipher.final()
  } catch {
    // The only failure there is: the tag is another one. Its receiver drops such a packet, and so it says nothing.
    return undefined
  }
  return frames
}
