import type { EpochMs, NodeName, StatePosition } from '@sekisho/core'
import type { Model, PolicyDocument } from '@sekisho/policy'
import type {
  AgentRecord,
  ApiToken,
  AuditEntry,
  EventRecord,
  FlowRecord,
  Page,
  RecordedEnd,
  StoredPolicy,
  WorkloadRecord,
} from '@sekisho/store'
import type { Applied } from './lifecycle/changes.ts'
import type { ChangeView, PolicyView } from './schema/policies.ts'
import type { AgentView, AuditView, EdgeEnd, EventView, FlowView, WorkloadView } from './schema/records.ts'
import type { TokenView } from './schema/session.ts'

/** Records as the API shows them. Pure. */

export const timestampOf = (at: EpochMs): string => new Date(at).toISOString()

export const pageView = <T, V>(page: Page<T>, view: (item: T) => V) => ({
  items: page.items.map(view),
  nextCursor: page.next ?? null,
})

export const edgeEndView = ({ key, kind, namespace, name, ip }: RecordedEnd): EdgeEnd => ({
  key,
  kind,
  namespace,
  name,
  ip,
})

export const flowView = ({
  source,
  destination,
  first,
  last,
  requests,
  details,
  ...flow
}: FlowRecord): FlowView => ({
  ...flow,
  source: edgeEndView(source),
  destination: edgeEndView(destination),
  first: timestampOf(first),
  last: timestampOf(last),
  ...(requests && { requests: [...requests] }),
  ...(details && { details: details.map(each => ({ ...each })) }),
})

export const eventView = ({ id, at, details, ...event }: EventRecord): EventView => ({
  ...event,
  id: String(id),
  at: timestampOf(at),
  details: { ...details },
})

export const auditView = ({ id, at, ...entry }: AuditEntry): AuditView => ({
  ...entry,
  id: String(id),
  at: timestampOf(at),
})

export function workloadView({ workload }: WorkloadRecord, model: Model): WorkloadView {
  const { id, kind, namespace, name, owner, labels, node, addresses, state } = workload
  return {
    id,
    key: `${namespace}/${owner.name}`,
    kind,
    namespace,
    name,
    owner,
    labels: { ...labels },
    node,
    addresses: [...addresses],
    state,
    policies: model
      .selecting(id)
      .map(({ policy, ingress, egress }) => ({ id: policy.id, mode: policy.mode, ingress, egress })),
  }
}

const EPOCH = 0 as EpochMs
/** An agent that joined and has not reported yet has nothing but its name. */
const NOTHING_YET = {
  version: '',
  workloads: 0,
  rules: 0,
  programMs: { p50: 0, p99: 0 },
  programErrors: 0,
  ledger: {},
  degraded: [],
}

export function agentView(
  { node, joinedAt, lastSeen, status }: AgentRecord,
  now: { readonly connected: ReadonlySet<NodeName>; readonly position: StatePosition },
): AgentView {
  const { version, workloads, rules, programMs, programErrors, ledger, degraded } = status ?? NOTHING_YET
  const inspection = status?.inspection
  const revision = status?.revision ?? 0
  return {
    node,
    version,
    connected: now.connected.has(node),
    lastSeen: timestampOf(lastSeen ?? joinedAt ?? EPOCH),
    revision,
    upToDate: revision === now.position.revision && status?.history === now.position.history,
    workloads,
    rules,
    programMs,
    programErrors,
    ledger: { ...ledger },
    ...(inspection && { inspection }),
    degraded: [...degraded],
  }
}

const ruleCount = ({ sections }: PolicyDocument): number =>
  (sections.ingress?.rules.length ?? 0) + (sections.egress?.rules.length ?? 0)

export interface PolicyFacts {
  readonly document: PolicyDocument | undefined
  readonly selects: number
  readonly lastHour: { readonly denied: number; readonly audited: number }
}

export function policyView(policy: StoredPolicy, { document, selects, lastHour }: PolicyFacts): PolicyView {
  const [kind = '', namespace = '', name = ''] = policy.id.split('/')
  return {
    id: policy.id,
    kind,
    namespace,
    name,
    mode: policy.mode,
    revision: policy.revision,
    rules: document ? ruleCount(document) : 0,
    selects,
    deniedLastHour: lastHour.denied,
    auditedLastHour: lastHour.audited,
    updatedAt: timestampOf(policy.updatedAt),
    updatedBy: policy.updatedBy,
    yaml: policy.yaml,
  }
}

export function changeView({ id, at, actor, state, revertsAt, summary, policies }: Applied): ChangeView {
  return {
    id: id === undefined ? '' : String(id),
    at: timestampOf(at),
    actor,
    state,
    revertsAt: revertsAt === undefined ? null : timestampOf(revertsAt),
    summary,
    policies: policies.map(({ id: policy, before, after }) => ({
      id: policy,
      action: before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed',
      before: before?.yaml ?? null,
      after: after?.yaml ?? null,
    })),
  }
}

export const tokenView = ({ id, name, createdAt, expiresAt }: ApiToken): TokenView => ({
  id,
  name,
  createdAt: timestampOf(createdAt),
  expiresAt: timestampOf(expiresAt),
})
