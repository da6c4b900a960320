import { X509Certificate } from 'node:crypto'
import { type EpochMs, type NodeName, SekishoError } from '@sekisho/core'
import type { Store } from '@sekisho/store'
import { z } from 'zod'
import { digest } from '../auth/secret.ts'
import { type Authority, issuedAt } from '../pki/authority.ts'
import type { Voucher } from './service-account.ts'

/** RFC 1123 labels, and what host names of real machines also hold. It becomes the certificate's common name. */
const nodeName = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/)
const publicKey = z.string().max(2_048)
/** By a join token, or as the pod of a service account. */
const joinRequest = z.union([
  z.strictObject({ token: z.string().max(256), node: nodeName, publicKey }),
  z.strictObject({ serviceAccountToken: z.string().max(8_192), node: nodeName, publicKey }),
])
type JoinRequest = z.infer<typeof joinRequest>

export interface Joined {
  readonly certificate: string
  readonly ca: string
}

export interface JoinOptions {
  readonly store: Pick<Store, 'accounts' | 'agents' | 'audit' | 'transaction'>
  readonly authority: Authority
  /** Present where the server runs for a cluster. */
  readonly voucher?: Voucher | undefined
}

/** The part of a token that the store knows: without the fingerprint. */
const tokenSecret = (token: string): string => token.split('.').slice(0, 2).join('.')

/** PEM of a public key in one form, so that equal keys are equal texts. */
const keyText = (certificate: X509Certificate): string =>
  certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** Uses the token up. @throws SekishoError unauthenticated, forbidden; outside of a transaction the token is then lost. */
function redeem({ accounts }: JoinOptions['store'], token: string, node: string): void {
  const subject = accounts.redeem(digest(tokenSecret(token)), 'join')
  if (subject === undefined)
    throw new SekishoError('unauthenticated', 'The join token is unknown, used or expired.')
  if (subject !== '' && subject !== node)
    throw new SekishoError('forbidden', 'The join token is for another node.')
}

/** Whoever has an agent's place on one node must not speak for another. */
async function vouch(voucher: Voucher | undefined, token: string, node: string): Promise<void> {
  if (!voucher)
    throw new SekishoError('forbidden', 'This server runs for no cluster; a join token is needed.')
  const own = await voucher(token)
  if (own !== node) throw new SekishoError('forbidden', `The token is of a pod on node ${own}.`)
}

function accept(request: JoinRequest, from: string, { store, authority }: JoinOptions): Joined {
  const node = request.node as NodeName // its shape was just checked
  if ('token' in request) redeem(store, request.token, node)
  const certificate = new X509Certificate(authority.issueAgent(node, request.publicKey))
  const replaced = store.agents.get(node) !== undefined
  store.agents.join({
    node,
    publicKey: keyText(certificate),
    certificateSerial: certificate.serialNumber,
  })
  const details = replaced ? 'replaces the key of an agent of this name' : ''
  store.audit.append({ actor: node, action: 'agent.join', target: node, result: 'ok', from, details })
  return { certificate: certificate.toString(), ca: authority.certificate }
}

/** @throws SekishoError bad-request, unauthenticated, forbidden, unavailable; then a join token is still good. */
export async function join(json: unknown, from: string, options: JoinOptions): Promise<Joined> {
  const read = joinRequest.safeParse(json)
  if (!read.success) throw new SekishoError('bad-request', 'The join request is not valid.')
  const { store, voucher } = options
  const request = read.data
  try {
    if ('serviceAccountToken' in request) await vouch(voucher, request.serviceAccountToken, request.node)
    return store.transaction(() => accept(request, from, options))
  } catch (error) {
    if (!(error instanceof SekishoError)) throw error
    store.audit.append({
      actor: '',
      action: 'agent.join',
      target: request.node,
      result: 'refused',
      from,
      details: error.message,
    })
    throw error
  }
}

/** What servers that share an authority know of the agents of each other. */
export interface Roster {
  /** Certificates of the node made until then are refused. */
  until(node: NodeName): EpochMs | undefined
}

export interface Known {
  readonly agents: Pick<Store['agents'], 'joined' | 'join'>
  /** Present where other servers may have let agents in. */
  readonly roster?: Roster | undefined
}

/** What a client certificate says: read once for a connection, since it costs more than all else that a heartbeat does. */
export interface Shown {
  readonly certificate: X509Certificate
  readonly node: NodeName
  readonly issuedAt: EpochMs
  readonly publicKey: string
}

/** Undefined where it names no node. */
export function shownBy(certificate: X509Certificate): Shown | undefined {
  const node = /^CN=(.+)$/.exec(certificate.subject)?.[1] as NodeName | undefined // we wrote that name
  return node && { certificate, node, issuedAt: issuedAt(certificate), publicKey: keyText(certificate) }
}

/**
 * Whether a client certificate speaks for its node now: not when its key is not the one that joined last under that
 * name. An agent that was removed or replaced is refused although its certificate has not expired.
 */
export function isKnown(
  { node, issuedAt: joinedAt, publicKey, certificate }: Shown,
  { agents, roster }: Known,
): boolean {
  if (joinedAt <= (roster?.until(node) ?? Number.NEGATIVE_INFINITY)) return false
  const record = agents.joined(node)
  if (record?.publicKey === publicKey) return true
  // Joined at another server: of two agents of one name the one whose certificate was made last is the node's.
  if (!roster || (record && joinedAt <= record.joinedAt)) return false
  agents.join({ node, publicKey, certificateSerial: certificate.serialNumber, joinedAt })
  return true
}

/** A new certificate for the same key, so that an answer that gets lost locks nobody out. */
export function renew(
  certificate: X509Certificate,
  node: NodeName,
  { store, authority }: JoinOptions,
): Joined {
  const publicKey = keyText(certificate)
  const renewed = new X509Certificate(authority.issueAgent(node, publicKey))
  store.agents.join({ node, publicKey, certificateSerial: renewed.serialNumber })
  return { certificate: renewed.toString(), ca: authority.certificate }
}
