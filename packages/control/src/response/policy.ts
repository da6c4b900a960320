import { createHash } from 'node:crypto'
import {
  type EpochMs,
  type JsonRecord,
  NAME_LABEL,
  type PolicyId,
  parseIp,
  policyId,
  type RuleId,
  textAt,
  type Workload,
} from '@sekisho/core'
import type { ResponseAction } from '@sekisho/policy'
import type { StoredPolicy } from '@sekisho/store'

/** What is in force until a time: a policy that the server made. */
export interface ActiveResponse {
  readonly policy: PolicyId
  readonly rule: string
  readonly action: Containment['kind']
  /** Id of the workload, or the address outside. */
  readonly target: string
  readonly peer?: string
  readonly since: EpochMs
  readonly until: EpochMs
  /** What was found, in words. */
  readonly why: string
}

export type Containment = Exclude<ResponseAction, { kind: 'notify' }>

/** What is to be in force, and about whom. */
export interface Containing {
  readonly rule: string
  readonly action: Containment
  readonly target:
    | { readonly kind: 'workload'; readonly workload: Workload }
    | { readonly kind: 'address'; readonly ip: string }
  readonly peer?: string
  readonly until: EpochMs
  readonly why: string
  /** Whom a block of an address is not about. */
  readonly exempt: readonly string[]
}

/** Of the policies that responses are. */
export const KIND = 'ClusterSecurityPolicy'
/** Of names, so that what responses deny is told from what others do. */
const PREFIX = 'response.'
/** In whose name they are made. No user is called so: there is one, the administrator. */
const ACTOR = 'response:'

const MARKS = {
  rule: 'sekisho.dev/response-rule',
  action: 'sekisho.dev/response-action',
  target: 'sekisho.dev/response-target',
  peer: 'sekisho.dev/response-peer',
  until: 'sekisho.dev/response-until',
  why: 'sekisho.dev/response-why',
} as const

export const actorOf = (rule: string): string => `${ACTOR}${rule}`
/** Whether it is done in the name of a rule. */
export const isResponder = (actor: string): boolean => actor.startsWith(ACTOR)
export const isOwn = (by: RuleId | PolicyId): boolean => by.startsWith(`${KIND}//${PREFIX}`)

export const targetKey = (target: Containing['target']): string =>
  target.kind === 'workload' ? target.workload.id : target.ip

/** One name for one response, whoever makes it, whenever. */
function nameOf({ rule, action, target, peer = '' }: Containing): string {
  const about = JSON.stringify([rule, targetKey(target), peer])
  return `${PREFIX}${action.kind}.${createHash('sha256').update(about).digest('hex').slice(0, 16)}`
}

export const idOf = (response: Containing): PolicyId => policyId(KIND, '', nameOf(response))

const block = (ip: string): JsonRecord => ({
  ipBlock: { cidr: `${ip}/${parseIp(ip)?.family === 4 ? 32 : 128}` },
})
/** Where a cluster's resolvers listen, also behind the service's port (OpenShift). */
const RESOLVER_PORTS = ['UDP', 'TCP'].flatMap(protocol => [53, 5353].map(port => ({ protocol, port })))

/** Exceptions pass, and allow nothing: what other policies say of them counts as before. */
function quarantine({ dns, peers }: Containment & { kind: 'quarantine' }, deny: JsonRecord): JsonRecord {
  const resolver = { name: 'DNS', action: 'Pass', to: [{ entity: 'dns' }], ports: RESOLVER_PORTS }
  const spared = { name: 'spared', action: 'Pass' }
  return {
    ingress: [...(peers.length > 0 ? [{ ...spared, from: peers }] : []), deny],
    egress: [...(dns ? [resolver] : []), ...(peers.length > 0 ? [{ ...spared, to: peers }] : []), deny],
  }
}

function subjectOf({ target, exempt }: Containing): JsonRecord {
  if (target.kind === 'workload') {
    const { namespace, name, kind } = target.workload
    return {
      namespaceSelector: { matchLabels: { [NAME_LABEL]: namespace } },
      workloadKinds: [kind],
      workloadNames: [name],
    }
  }
  return {
    namespaceSelector: { matchExpressions: [{ key: NAME_LABEL, operator: 'NotIn', values: [...exempt] }] },
  }
}

function rulesOf(response: Containing): JsonRecord {
  const { rule, action, target, peer, until, why } = response
  const deny = {
    name: `${action.kind} by ${rule}`.slice(0, 100),
    action: 'Deny',
    validUntil: new Date(until).toISOString(),
    ticket: why.slice(0, 200),
  }
  if (action.kind === 'quarantine') return quarantine(action, deny)
  const other = target.kind === 'address' ? target.ip : peer
  if (other === undefined) throw new TypeError('a block has two ends')
  return { ingress: [{ ...deny, from: [block(other)] }], egress: [{ ...deny, to: [block(other)] }] }
}

/** The policy that does it. Its rules end by themselves, in every kernel, also while the server is away. */
export function policyOf(response: Containing): JsonRecord {
  const { rule, action, target, peer, until, why } = response
  return {
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: KIND,
    metadata: {
      name: nameOf(response),
      labels: { [MARKS.rule]: rule, [MARKS.action]: action.kind },
      annotations: {
        [MARKS.target]: targetKey(target),
        ...(peer !== undefined && { [MARKS.peer]: peer }),
        [MARKS.until]: new Date(until).toISOString(),
        [MARKS.why]: why,
      },
    },
    spec: { mode: 'Enforce', subject: subjectOf(response), ...rulesOf(response) },
  }
}

/** Which rule made it. */
export const ruleOf = (document: JsonRecord): string =>
  textAt(document, 'metadata', 'labels', MARKS.rule) ?? ''

/** What a stored policy is as a response; undefined for all others, and for one that a person has made their own. */
export function responseOf({ id, document, updatedBy, updatedAt }: StoredPolicy): ActiveResponse | undefined {
  if (!isOwn(id) || !isResponder(updatedBy)) return undefined
  const mark = (key: keyof typeof MARKS): string =>
    textAt(document, 'metadata', key === 'action' ? 'labels' : 'annotations', MARKS[key]) ?? ''
  const peer = mark('peer')
  return {
    policy: id,
    rule: ruleOf(document),
    action: mark('action') === 'block' ? 'block' : 'quarantine',
    target: mark('target'),
    ...(peer !== '' && { peer }),
    since: updatedAt,
    until: Date.parse(mark('until')) as EpochMs, // written above
    why: mark('why'),
  }
}
