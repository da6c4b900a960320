import type { Cidr, LabelSelector, Namespace, PolicyId, Workload } from '@sekisho/core'
import type { Located, Place } from '../manifests/located.ts'
import type { Manifests } from '../manifests/manifests.ts'
import type { Model } from '../model/model.ts'

/** `error`: surely not meant. `warning`: probably not meant, or a gap. `note`: could be tighter. */
export const SEVERITIES = ['error', 'warning', 'note'] as const
export type Severity = (typeof SEVERITIES)[number]

/** One thing a check has to say, at one place. */
export interface Remark {
  readonly place: Place
  readonly policy?: PolicyId
  readonly message: string
  readonly fix: string
}

export interface Finding<Id extends string = string> extends Remark {
  readonly id: Id
  readonly severity: Severity
}

export interface LintOptions {
  /** Namespaces whose pods face the world: ingress controllers and load balancers. */
  readonly ingressNamespaces?: readonly string[]
  /** Addresses that pods get, where they cannot be read from the pods. */
  readonly podCidrs?: readonly Cidr[]
  /** Workloads whose protection must not be switched off; none unless said otherwise. */
  readonly mustProtect?: readonly LabelSelector[]
}

/** What checks look at. */
export interface LintContext extends Required<LintOptions> {
  readonly manifests: Manifests
  readonly model: Model
  /** Workloads that policies can select; empty where the files have none, and then nothing is said about them. */
  readonly workloads: readonly Workload[]
  readonly namespaces: readonly Namespace[]
}

export interface Check {
  readonly severity: Severity
  /** What is wrong in general, in one sentence. */
  readonly title: string
  /** Why it matters. */
  readonly help: string
  run(context: LintContext): Iterable<Remark>
}

/** Objects of a namespace: its own, then whatever lies in it. */
export function objectOf(manifests: Manifests, name: string): Located | undefined {
  const at = (located: Located, key: string) => located.root.at('metadata').at(key).value
  return (
    manifests.objects.find(each => each.kind === 'Namespace' && at(each, 'name') === name) ??
    manifests.objects.find(each => (at(each, 'namespace') ?? 'default') === name)
  )
}
