import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, type EpochMs, SekishoError } from '@sekisho/core'
import { issueCertificate } from './certificate.ts'

const DAY = 86_400_000
/** Certificates are valid a little before they are made: a node's clock may be behind the server's. */
const CLOCK_SKEW = 5 * 60_000
const LIFETIME = {
  authority: 3650 * DAY,
  /** Made anew at each start and again before it ends, so it may be short. */
  server: 90 * DAY,
  /** Agents renew after two thirds; a node may be switched off for a month and still come back by itself. */
  agent: 90 * DAY,
} as const
export const SERVER_RENEWAL_MS = LIFETIME.server / 3
/** How long a certificate of an agent is good. */
export const AGENT_CERTIFICATE_MS = LIFETIME.agent
const COMMON_NAME = 'Sekisho CA'

/** A certificate with its chain's root, as PEM, for a TLS listener. */
export interface Credentials {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** The installation's own certificate authority: it vouches for the server and for each node's agent. */
export interface Authority {
  /** PEM of the CA certificate. */
  readonly certificate: string
  /** SHA-256 of the CA certificate's DER, hex: the third part of a join token, which the agent pins. */
  readonly fingerprint: string
  /** A new key and a certificate for these names and addresses. */
  issueServer(hosts: readonly string[]): Credentials
  /** @param publicKey SubjectPublicKeyInfo as PEM; P-256 only. @throws SekishoError bad-request */
  issueAgent(node: string, publicKey: string): string
}

/**
 * Writes a file that appears whole or not at all, and never replaces one that is there: two programs that start
 * at once both read back the same bytes.
 */
function writeOnce(path: string, text: string, mode: number): string {
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, text, { mode, flush: true })
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(temporary)
  }
  return readFileSync(path, 'utf8')
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const toPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()

function agentKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey({ key: pem, format: 'pem' })
  } catch {
    throw new SekishoError('bad-request', 'The public key is not PEM.')
  }
  // A private key parses too; an agent that sends one has leaked it and must not get a certificate for it.
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  if (pem.includes('PRIVATE') || !isP256) {
    throw new SekishoError('bad-request', 'The public key must be ECDSA P-256.')
  }
  return key
}

/** When this authority made a certificate, to the second. */
export const issuedAt = ({ validFrom }: X509Certificate): EpochMs =>
  (Date.parse(validFrom) + CLOCK_SKEW) as EpochMs

/** PEM of the authority's key and certificate, as they are kept in `ca.key` and `ca.pem`. */
export interface AuthorityFiles {
  readonly key: string
  readonly certificate: string
}

const pathsIn = (directory: string) => ({
  keyPath: join(directory, 'ca.key'),
  certificatePath: join(directory, 'ca.pem'),
})

/** What the directory has; undefined unless it is whole. */
export function readAuthority(directory: string): AuthorityFiles | undefined {
  const { keyPath, certificatePath } = pathsIn(directory)
  const [key, certificate] = [readIfThere(keyPath), readIfThere(certificatePath)]
  return key !== undefined && certificate !== undefined ? { key, certificate } : undefined
}

/** Puts an authority that was made elsewhere into the directory. @returns whether another was there. */
export function installAuthority(directory: string, { key, certificate }: AuthorityFiles): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { keyPath, certificatePath } = pathsIn(directory)
  const replace = (path: string, text: string, mode: number): boolean => {
    const before = readIfThere(path)
    if (before === text) return false
    writeFileSync(`${path}.${process.pid}`, text, { mode, flush: true })
    renameSync(`${path}.${process.pid}`, path)
    return before !== undefined
  }
  const [isOtherKey, isOther] = [replace(keyPath, key, 0o600), replace(certificatePath, certificate, 0o644)]
  return isOtherKey || isOther
}

/** Reads `ca.key` and `ca.pem` of the data directory, or makes them at the first start. */
export function openAuthority(directory: string, clock: Pick<Clock, 'now'>): Authority {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { keyPath, certificatePath } = pathsIn(directory)
  // The key first: without ca.pem it is the start of an interrupted first start, which simply goes on.
  const privateKey = createPrivateKey(readIfThere(keyPath) ?? writeOnce(keyPath, toPem(newKey()), 0o600))
  const issuer = { commonName: COMMON_NAME, privateKey }
  const from = (lifetime: number) => ({
    notBefore: (clock.now() - CLOCK_SKEW) as EpochMs,
    notAfter: (clock.now() + lifetime) as EpochMs,
  })
  const issueRoot = () =>
    issueCertificate(
      {
        use: 'authority',
        commonName: COMMON_NAME,
        publicKey: createPublicKey(privateKey),
        ...from(LIFETIME.authority),
      },
      issuer,
    ).toString()
  const certificate = readIfThere(certificatePath) ?? writeOnce(certificatePath, issueRoot(), 0o644)
  const root = new X509Certificate(certificate)
  if (!root.checkPrivateKey(privateKey)) throw new Error(`${certificatePath} does not belong to ${keyPath}`)
  return {
    certificate,
    fingerprint: createHash('sha256').update(root.raw).digest('hex'),
    issueServer(hosts) {
      const key = newKey()
      const leaf = issueCertificate(
        {
          use: 'server',
          commonName: 'sekisho-server',
          publicKey: createPublicKey(key),
          hosts,
          ...from(LIFETIME.server),
        },
        issuer,
      )
      // The root is sent along: an agent that joins knows only its hash and must see it to compare.
      return { cert: `${leaf.toString()}${certificate}`, key: toPem(key), ca: certificate }
    },
    issueAgent(node, publicKey) {
      const request = { use: 'client', commonName: node, publicKey: agentKey(publicKey) } as const
      return issueCertificate({ ...request, ...from(LIFETIME.agent) }, issuer).toString()
    },
  }
}
