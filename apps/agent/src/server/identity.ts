import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  timingSafeEqual,
  X509Certificate,
} from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import type { JoinBy } from '../options.ts'
import { readIfThere, type StateDirectory, writeDurably } from '../state-directory.ts'
import { type Credentials, createClient, type ServerClient } from './client.ts'
import { parseJoined } from './message.ts'

export interface IdentityOptions {
  readonly server: URL
  readonly node: string
  readonly directory: StateDirectory
  readonly join?: JoinBy | undefined
}

/**
 * The agent's key and certificate: those on disk, or new ones from the server.
 * @throws when there is neither, or the server is not the one that was meant.
 */
export async function openIdentity(options: IdentityOptions): Promise<Credentials> {
  return readIdentity(options) ?? (await joinAnew(options))
}

function readIdentity({ directory, node, join }: IdentityOptions): Credentials | undefined {
  const [key, certificate, authority] = [directory.key, directory.certificate, directory.authority].map(
    readIfThere,
  )
  if (key === undefined || certificate === undefined || authority === undefined) return undefined
  const { subject } = new X509Certificate(certificate)
  // The certificate's name is the node's name to the server; another would be refused with every batch.
  if (subject !== `CN=${node}`)
    throw new Error(`this directory belongs to the agent of ${subject}, not ${node}`)
  // The cluster says who the server is now: of another one we are no agent yet.
  if (join?.kind === 'service-account' && readFileSync(join.authority, 'utf8') !== authority) return undefined
  return { key, certificate, authority }
}

/** A new certificate, for the key on disk where there is one. @throws as `openIdentity`. */
export async function joinAnew({ server, node, directory, join }: IdentityOptions): Promise<Credentials> {
  if (join === undefined) throw new Error('this agent has not joined yet: a --join-token is needed')
  const { authority, proof } = await prove(server, join)
  const key = readIfThere(directory.key) ?? (await makeKey(directory.key))
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' })
  using client = createClient(server, { ca: authority })
  const answer = await client.call({
    method: 'POST',
    path: '/agent/v1/join',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...proof, node, publicKey }),
  })
  const joined = parseJoined(answer)
  if (!joined.ok) throw new Error(`the server's answer to the join: ${joined.error}`)
  return keep(directory, { key, authority, certificate: joined.value.certificate })
}

interface Proof {
  /** PEM of whoever must have signed the server's certificate. */
  readonly authority: string
  /** Sent only over a connection that this authority alone vouches for. */
  readonly proof: { readonly token: string } | { readonly serviceAccountToken: string }
}

async function prove(server: URL, join: JoinBy): Promise<Proof> {
  if (join.kind === 'service-account') {
    // Read now: the kubelet replaces it long before it ends.
    const serviceAccountToken = readFileSync(join.token, 'utf8').trim()
    return { authority: readFileSync(join.authority, 'utf8'), proof: { serviceAccountToken } }
  }
  const fingerprint = join.token.split('.')[2]
  if (!fingerprint || !/^[0-9a-f]{64}$/.test(fingerprint))
    throw new Error('the join token is cut off or damaged')
  // Two steps: the CA certificate is fetched and held against the token first; only then is the secret sent.
  return { authority: await fetchAuthority(server, fingerprint), proof: { token: join.token } }
}

async function keep(directory: StateDirectory, credentials: Credentials): Promise<Credentials> {
  const certificate = new X509Certificate(credentials.certificate)
  const authority = new X509Certificate(credentials.authority)
  if (!certificate.verify(authority.publicKey))
    throw new Error('the server sent a certificate that is not its own')
  await writeDurably(directory.authority, credentials.authority)
  await writeDurably(directory.certificate, credentials.certificate)
  return credentials
}

async function makeKey(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await writeDurably(path, pem)
  return pem
}

const CONNECT_TIMEOUT_MS = 10_000

/**
 * The certificate in the server's chain whose SHA-256 the token names, as PEM. Nothing is sent on this connection,
 * and nothing about it is believed but that hash.
 */
async function fetchAuthority(server: URL, fingerprint: string): Promise<string> {
  const socket = connect({
    host: server.hostname.replace(/^\[|\]$/g, ''),
    port: Number(server.port || 443),
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    timeout: CONNECT_TIMEOUT_MS,
  })
  socket.once('timeout', () => socket.destroy(new Error('the server does not answer')))
  try {
    await once(socket, 'secureConnect')
    const wanted = Buffer.from(fingerprint, 'hex')
    for (const raw of chain(socket.getPeerCertificate(true))) {
      const hash = createHash('sha256').update(raw).digest()
      if (timingSafeEqual(hash, wanted)) return new X509Certificate(raw).toString()
    }
  } finally {
    socket.destroy()
  }
  throw new Error('this is not the server that the join token is for: its CA certificate is another')
}

/** Longer chains than root, intermediate and leaf are not ours. */
const CHAIN_MOST = 4

function chain(leaf: DetailedPeerCertificate): Buffer[] {
  const found: Buffer[] = []
  for (let each: DetailedPeerCertificate | undefined = leaf; each?.raw; each = each.issuerCertificate) {
    if (found.length === CHAIN_MOST || found.some(raw => raw.equals(each?.raw ?? raw))) break
    found.push(each.raw)
  }
  return found
}

/** Share of its lifetime after which a certificate is renewed. */
const RENEW_AFTER = 2 / 3

/** When the certificate should be renewed, in milliseconds since the epoch. */
export function renewalDue({ certificate }: Credentials): number {
  const { validFrom, validTo } = new X509Certificate(certificate)
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)]
  return from + (to - from) * RENEW_AFTER
}

/** A new certificate for the same key; the old one stays good until it ends. */
export async function renewIdentity(
  client: ServerClient,
  directory: StateDirectory,
  credentials: Credentials,
): Promise<Credentials> {
  const joined = parseJoined(await client.call({ method: 'POST', path: '/agent/v1/renew' }))
  if (!joined.ok) throw new Error(`the server's answer to the renewal: ${joined.error}`)
  return keep(directory, { ...credentials, certificate: joined.value.certificate })
}
