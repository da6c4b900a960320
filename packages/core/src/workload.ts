import type { Protocol } from './flow.ts'
import type { NodeName, WorkloadId } from './ids.ts'
import type { Labels } from './labels.ts'

export type WorkloadKind = 'pod' | 'container' | 'service' | 'host' | 'external'

/** `finished` workloads no longer own their addresses; `terminating` ones keep address and policy. */
export type WorkloadState = 'running' | 'terminating' | 'finished'

export interface NamedPort {
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
}

/** What has an address and labels: a pod, a container, a systemd service, a host, an external machine. */
export interface Workload {
  readonly id: WorkloadId
  readonly kind: WorkloadKind
  readonly namespace: string
  readonly name: string
  /** What a person calls it: the Deployment, the unit, the compose service. Flows are grouped by it. */
  readonly owner: { readonly kind: string; readonly name: string }
  readonly labels: Labels
  readonly serviceAccount?: string
  /** Where it runs. Empty for an external machine without an agent. */
  readonly node: NodeName
  /** Canonical texts (`canonicalIp`), both families, first is primary. */
  readonly addresses: readonly string[]
  /** Shares the node's addresses: never selected as a pod, it is its node. */
  readonly hostNetwork: boolean
  readonly ports: readonly NamedPort[]
  readonly state: WorkloadState
  /** Host-side interface of a routed workload (its own veth); absent behind a shared bridge. */
  readonly interface?: string
  /** Of that interface, in the node's network namespace; its agent knows it. */
  readonly interfaceIndex?: number
  /** Present where policies that select it are not enforced: it is seen, and what others' policies say of it counts. */
  readonly protection?: 'off'
}

const RANK = { running: 0, terminating: 1, finished: 2 } as const satisfies Record<WorkloadState, number>

/** Whether somebody says so, and no node has it. */
const isDeclared = ({ kind }: Workload): number => (kind === 'external' ? 1 : 0)

/**
 * The one in service before the one that is going, and last what is only declared: nobody takes a pod's address by
 * writing it down. Ids break a tie, so that history does not matter.
 */
export const byService = (a: Workload, b: Workload): number =>
  isDeclared(a) - isDeclared(b) || RANK[a.state] - RANK[b.state] || (a.id < b.id ? -1 : 1)

/** Of a machine where no agent runs: nothing is enforced on it, and its traffic is told by whom it speaks with. */
export const hasNoAgent = ({ kind, node }: Pick<Workload, 'kind' | 'node'>): boolean =>
  kind === 'external' && node === ''

export interface Namespace {
  readonly name: string
  /** Always holds `kubernetes.io/metadata.name`; `namespace()` adds it. */
  readonly labels: Labels
}

/** Kubernetes sets this label on every namespace; sources outside a cluster must do the same. */
export const NAME_LABEL = 'kubernetes.io/metadata.name'

export const namespace = (name: string, labels: Labels = {}): Namespace => ({
  name,
  labels: { ...labels, [NAME_LABEL]: name },
})
