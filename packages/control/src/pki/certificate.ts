import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { type EpochMs, parseIp } from '@sekisho/core'
import * as der from './der.ts'

/** What a certificate is for; decides its basic constraints, key usage and extended key usage. */
export type CertificateUse = 'authority' | 'server' | 'client'

export interface CertificateRequest {
  readonly use: CertificateUse
  readonly commonName: string
  readonly publicKey: KeyObject
  readonly notBefore: EpochMs
  readonly notAfter: EpochMs
  /** DNS names and IP addresses (subjectAltName). */
  readonly hosts?: readonly string[]
}

export interface Issuer {
  readonly commonName: string
  readonly privateKey: KeyObject
}

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const

const ALGORITHM = der.sequence(der.oid(OID.ecdsaWithSha256))

const name = (commonName: string): Buffer =>
  der.sequence(der.setOf(der.sequence(der.oid(OID.commonName), der.utf8String(commonName))))

const extension = (id: string, critical: boolean, value: Uint8Array): Buffer =>
  der.sequence(der.oid(id), ...(critical ? [der.TRUE] : []), der.octetString(value))

const spki = (key: KeyObject): Buffer => createPublicKeyOf(key).export({ type: 'spki', format: 'der' })
const createPublicKeyOf = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key)

/** RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256 of the key; only ever compared. */
const keyIdentifier = (key: KeyObject): Buffer =>
  createHash('sha256').update(spki(key)).digest().subarray(0, 20)

/** GeneralName: dNSName [2] as IA5String, iPAddress [7] as 4 or 16 bytes in network order. */
function generalName(host: string): Buffer {
  const ip = parseIp(host)
  if (!ip) return der.context(2, Buffer.from(host, 'ascii'), false)
  const digits = ip.family === 4 ? 8 : 32
  return der.context(7, Buffer.from(ip.value.toString(16).padStart(digits, '0'), 'hex'), false)
}

/** RFC 5280 section 4.2.1.3; bit 0 is the highest: digitalSignature, or keyCertSign (5) and cRLSign (6). */
const KEY_USAGE = {
  authority: der.bitString(Buffer.of(0b0000_0110), 1),
  server: der.bitString(Buffer.of(0b1000_0000), 7),
  client: der.bitString(Buffer.of(0b1000_0000), 7),
} satisfies Record<CertificateUse, Buffer>

/** The authority signs leaves only (path length 0). A client certificate cannot pose as the server, nor the reverse. */
const USE_EXTENSIONS = {
  authority: [extension(OID.basicConstraints, true, der.sequence(der.TRUE, der.integer(Buffer.of(0))))],
  server: [
    extension(OID.basicConstraints, true, der.sequence()),
    extension(OID.extendedKeyUsage, false, der.sequence(der.oid(OID.serverAuth))),
  ],
  client: [
    extension(OID.basicConstraints, true, der.sequence()),
    extension(OID.extendedKeyUsage, false, der.sequence(der.oid(OID.clientAuth))),
  ],
} satisfies Record<CertificateUse, readonly Buffer[]>

function extensions(request: CertificateRequest, issuer: Issuer): Buffer {
  const hosts = request.hosts ?? []
  const authority = der.sequence(der.context(0, keyIdentifier(issuer.privateKey), false))
  return der.sequence(
    ...USE_EXTENSIONS[request.use],
    extension(OID.keyUsage, true, KEY_USAGE[request.use]),
    extension(OID.subjectKeyIdentifier, false, der.octetString(keyIdentifier(request.publicKey))),
    extension(OID.authorityKeyIdentifier, false, authority),
    ...(hosts.length > 0
      ? [extension(OID.subjectAltName, false, der.sequence(...hosts.map(generalName)))]
      : []),
  )
}

/** RFC 5280 section 4.1.2.2: positive, at most 20 octets; 127 random bits, so it cannot be guessed or repeat. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0)
  return der.integer(bytes)
}

/** Writes and signs an X.509 v3 certificate (RFC 5280) with ECDSA P-256 and SHA-256. */
export function issueCertificate(request: CertificateRequest, issuer: Issuer): X509Certificate {
  const body = der.sequence(
    der.context(0, der.integer(Buffer.of(2)), true),
    serialNumber(),
    ALGORITHM,
    name(issuer.commonName),
    der.sequence(der.time(request.notBefore), der.time(request.notAfter)),
    name(request.commonName),
    spki(request.publicKey),
    der.context(3, extensions(request, issuer), true),
  )
  const signature = sign('sha256', body, { key: issuer.privateKey, dsaEncoding: 'der' })
  return new X509Certificate(der.sequence(body, ALGORITHM, der.bitString(signature)))
}
