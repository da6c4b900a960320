import { Reader } from '@sekisho/core'
import { vector8, vector16 } from './client-hello.ts'

/*
 * ServerHello (RFC 8446 section 4.1.3): version(16) random(32 bytes) <session id>8 cipher(16) compression(8) [<extensions>16]
 */
export interface ServerHello {
  readonly version: number
  readonly cipher: number
  /** Asks the client for another hello. */
  readonly retry: boolean
}

const SUPPORTED_VERSIONS = 43
/** SHA-256 of "HelloRetryRequest", in the place of the random. */
const RETRY = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'

export function parseServerHello(body: Uint8Array): ServerHello {
  const reader = new Reader(body)
  let version = reader.u16be()
  const retry = Buffer.from(reader.bytes(32)).toString('hex') === RETRY
  vector8(reader)
  const cipher = reader.u16be()
  reader.skip(1)
  if (reader.left === 0) return { version, cipher, retry }
  const list = vector16(reader)
  while (list.left > 0) {
    const type = list.u16be()
    const data = vector16(list)
    if (type === SUPPORTED_VERSIONS) version = data.u16be()
  }
  return { version, cipher, retry }
}

const VERSION_NAMES: Readonly<Record<number, string>> = {
  768: 'SSL 3.0',
  769: 'TLS 1.0',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
  65279: 'DTLS 1.0',
  65277: 'DTLS 1.2',
  65276: 'DTLS 1.3',
}
const hex = (value: number): string => `0x${value.toString(16).padStart(4, '0')}`
export const versionName = (version: number): string => VERSION_NAMES[version] ?? hex(version)
export const isTls13 = (version: number): boolean => version === 0x0304 || version === 0xfefc

/** Suites in use today, by their names with IANA; others are shown by number. */
const CIPHER_NAMES: Readonly<Record<number, string>> = {
  5: 'TLS_RSA_WITH_RC4_128_SHA',
  10: 'TLS_RSA_WITH_3DES_EDE_CBC_SHA',
  47: 'TLS_RSA_WITH_AES_128_CBC_SHA',
  53: 'TLS_RSA_WITH_AES_256_CBC_SHA',
  60: 'TLS_RSA_WITH_AES_128_CBC_SHA256',
  61: 'TLS_RSA_WITH_AES_256_CBC_SHA256',
  156: 'TLS_RSA_WITH_AES_128_GCM_SHA256',
  157: 'TLS_RSA_WITH_AES_256_GCM_SHA384',
  158: 'TLS_DHE_RSA_WITH_AES_128_GCM_SHA256',
  159: 'TLS_DHE_RSA_WITH_AES_256_GCM_SHA384',
  4865: 'TLS_AES_128_GCM_SHA256',
  4866: 'TLS_AES_256_GCM_SHA384',
  4867: 'TLS_CHACHA20_POLY1305_SHA256',
  49161: 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
  49162: 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
  49171: 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  49172: 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
  49187: 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256',
  49188: 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384',
  49191: 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256',
  49192: 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384',
  49195: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  49196: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  49199: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  49200: 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  52392: 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  52393: 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
}
export const cipherName = (cipher: number): string => CIPHER_NAMES[cipher] ?? hex(cipher)
