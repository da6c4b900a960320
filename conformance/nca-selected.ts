import type { Workload } from '@sekisho/core'
import { compileWorkloadSet, createModel, type WorkloadSet } from '@sekisho/policy'
import { field, type Manifest, textField } from './manifests.ts'
import type { Config } from './nca-config.ts'
import { documentsOf } from './nca-import.ts'
import { listOf, Unsupported } from './nca-topology.ts'

export const SIDES = ['ingress', 'egress'] as const
export type Side = (typeof SIDES)[number]

type Ids = ReadonlySet<string>
const NOBODY: Ids = new Set()
const meet = (a: Ids, b: Ids): Ids => new Set([...a].filter(id => b.has(id)))
const less = (a: Ids, b: Ids): Ids => new Set([...a].filter(id => !b.has(id)))

export const isCalico = (policy: Manifest): boolean => textField(policy, 'apiVersion').includes('calico')
const namespaceOf = (policy: Manifest): string => textField(policy, 'metadata', 'namespace') || 'default'
export const rulesOf = (policy: Manifest, side: Side): readonly unknown[] =>
  listOf(field(policy, 'spec', side))

/** A named set of addresses has labels too: to selectors it is like a workload. */
function asWorkload(set: Manifest, at: number): Workload {
  const namespace = textField(set, 'kind') === 'NetworkSet' ? namespaceOf(set) : ''
  const name = textField(set, 'metadata', 'name')
  return {
    id: `set:${at}` as Workload['id'], // made here only
    kind: 'external',
    namespace,
    name,
    owner: { kind: 'NetworkSet', name },
    labels: (field(set, 'metadata', 'labels') ?? {}) as Workload['labels'], // labels or none
    node: '' as Workload['node'], // on none
    addresses: [],
    hostNetwork: false,
    ports: [],
    state: 'running',
  }
}

/** Whom selectors select on a configuration's topology. */
export class Selected {
  readonly #config: Config
  readonly #known = new Map<string, Ids>()
  readonly #sets: readonly Workload[]

  constructor(config: Config) {
    this.#config = config
    const sets = config.others.filter(each => textField(each, 'kind').endsWith('NetworkSet'))
    this.#sets = sets.map(asWorkload)
  }

  /** Of a policy. */
  by(policy: Manifest): Ids {
    const spec = field(policy, 'spec')
    if (!isCalico(policy))
      return this.#ask({ ...policy, spec: { podSelector: field(spec, 'podSelector') ?? {} } })
    if (textField(policy, 'kind') === 'Profile')
      throw new Unsupported('Profile: pods are not known by profile')
    const isGlobal = textField(policy, 'kind').endsWith('GlobalNetworkPolicy')
    return this.#calico(spec, isGlobal ? undefined : namespaceOf(policy))
  }

  /** Workloads that a policy with these selectors, and nothing else, would select. */
  #calico(spec: unknown, namespace: string | undefined): Ids {
    const [selector, namespaceSelector] = [field(spec, 'selector'), field(spec, 'namespaceSelector')]
    return this.#ask({
      apiVersion: 'projectcalico.org/v3',
      kind: namespace === undefined ? 'GlobalNetworkPolicy' : 'NetworkPolicy',
      metadata: { name: 'selected', ...(namespace !== undefined && { namespace }) },
      spec: {
        types: ['Ingress'],
        ...(selector !== undefined && { selector }),
        ...(namespaceSelector !== undefined && { namespaceSelector }),
      },
    })
  }

  #ask(policy: Manifest): Ids {
    const key = JSON.stringify(policy)
    const held = this.#known.get(key)
    if (held) return held
    const { namespaces, workloads } = this.#config.topology
    const model = createModel()
    model.update({
      namespaces: { set: namespaces },
      workloads: { set: [...workloads, ...this.#sets] },
      policies: { set: documentsOf([policy]) },
    })
    const ids = new Set([...model.workloads.keys()].filter(id => model.selecting(id).length > 0))
    this.#known.set(key, ids)
    return ids
  }

  /** Peers of one end of a Calico rule; undefined where addresses outside are among them. */
  #end(end: unknown, namespace: string | undefined): Ids | undefined {
    const has = (key: string) => listOf(field(end, key)).length > 0
    const labels = has('selector') || has('namespaceSelector')
    if (has('nets') || has('notNets')) return labels ? NOBODY : undefined
    const not = field(end, 'notSelector')
    if (!labels) return undefined
    const space = has('namespaceSelector') ? undefined : namespace
    const found = this.#calico(end, space)
    return not === undefined ? found : less(found, this.#calico({ selector: not }, space))
  }

  /** How many of the two ends of a rule nobody is at. */
  emptyEnds(policy: Manifest, rule: unknown, side: Side): number {
    if (!isCalico(policy)) return this.#noPeers(policy, rule, side) ? 1 : 0
    const isGlobal = textField(policy, 'kind') === 'GlobalNetworkPolicy'
    const namespace = isGlobal ? undefined : namespaceOf(policy)
    const source = this.#end(field(rule, 'source'), namespace)
    const destination = this.#end(field(rule, 'destination'), namespace)
    const subject = this.by(policy)
    const [own, peers] = side === 'ingress' ? [destination, source] : [source, destination]
    return (peers?.size === 0 ? 1 : 0) + (meet(subject, own ?? subject).size === 0 ? 1 : 0)
  }

  #noPeers(policy: Manifest, rule: unknown, side: Side): boolean {
    const peers = listOf(field(rule, side === 'ingress' ? 'from' : 'to'))
    return peers.length > 0 && peers.every(peer => this.#isNobody(peer, namespaceOf(policy)))
  }

  #isNobody(peer: unknown, own: string): boolean {
    if (field(peer, 'ipBlock') !== undefined) return false
    const [podSelector, namespaceSelector] = [field(peer, 'podSelector'), field(peer, 'namespaceSelector')]
    const set = {
      kind: 'workloads',
      ...(podSelector !== undefined && { podSelector }),
      ...(namespaceSelector === undefined ? { namespace: own } : { namespaceSelector }),
    } as WorkloadSet // selectors as NetworkPolicies write them
    const matches = compileWorkloadSet(set)
    const { namespaces, workloads } = this.#config.topology
    const spaces = new Map(namespaces.map(each => [each.name, each]))
    return !workloads.some(each => each.kind === 'pod' && matches(each, spaces.get(each.namespace)))
  }

  /** Rules of a policy that have an end at which nobody is, and how often that is so. */
  emptyRules(policy: Manifest): { readonly ends: number; readonly rules: ReadonlySet<unknown> } {
    const rules = new Set<unknown>()
    let ends = 0
    for (const side of SIDES) {
      for (const rule of rulesOf(policy, side)) {
        const empty = this.emptyEnds(policy, rule, side)
        if (empty > 0) rules.add(rule)
        ends += empty
      }
    }
    return { ends, rules }
  }
}

const order = (policy: Manifest): number => {
  const written = field(policy, 'spec', 'order')
  return typeof written === 'number' ? written : Number.POSITIVE_INFINITY
}

export function isAbout(policy: Manifest, side: Side): boolean {
  const spec = field(policy, 'spec')
  const types = listOf(field(spec, isCalico(policy) ? 'types' : 'policyTypes'))
  const name = side === 'ingress' ? 'Ingress' : 'Egress'
  if (types.length > 0) return types.includes(name)
  if (side === 'egress') return field(spec, 'egress') !== undefined
  return !isCalico(policy) || field(spec, 'ingress') !== undefined || field(spec, 'egress') === undefined
}

/** Calico policies of equal order that select the same and of which one allows and another denies something. */
export function conflict(policies: readonly Manifest[], selected: Selected): boolean {
  const calico = policies.filter(isCalico)
  const acts = (policy: Manifest, side: Side, action: string) =>
    rulesOf(policy, side).some(
      rule => textField(rule, 'action') === action && selected.emptyEnds(policy, rule, side) === 0,
    )
  const opposed = (a: Manifest, b: Manifest) =>
    SIDES.some(
      side =>
        isAbout(a, side) &&
        isAbout(b, side) &&
        ((acts(a, side, 'Allow') && acts(b, side, 'Deny')) ||
          (acts(a, side, 'Deny') && acts(b, side, 'Allow'))),
    )
  return calico.some((a, at) =>
    calico
      .slice(at + 1)
      .some(b => order(a) === order(b) && meet(selected.by(a), selected.by(b)).size > 0 && opposed(a, b)),
  )
}

export const overlap = (selected: Selected, a: Manifest, b: Manifest): boolean =>
  meet(selected.by(a), selected.by(b)).size > 0
