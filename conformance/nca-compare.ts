import type { Workload } from '@sekisho/core'
import {
  type Compared,
  compareFlows,
  type Decision,
  type EndSet,
  type Model,
  type PortMatch,
  prove,
} from '@sekisho/policy'
import type { Config } from './nca-config.ts'
import { modelOf } from './nca-model.ts'

const WORKLOADS: EndSet = { kind: 'workloads' }
const OUTSIDE: EndSet = { kind: 'outside' }

/** The analyzer's ports begin at 1; a protocol that is not here is one that no rule can name. */
export const PORTS: readonly PortMatch[] = [
  ...(['TCP', 'UDP', 'SCTP'] as const).map((protocol): PortMatch => ({ protocol, ports: [[1, 65_535]] })),
  ...(['ICMP', 'ICMPv6', 'IP/253'] as const).map((protocol): PortMatch => ({ protocol })),
]

const allows = ({ verdict }: Decision): boolean => verdict === 'allow'
const captures = ({ egress, ingress }: Decision): boolean =>
  egress.why !== 'not-selected' || ingress.why !== 'not-selected'
/** What policies allow because a rule says so, and not because they leave it alone. */
const allowsByName = (decision: Decision): boolean => allows(decision) && captures(decision)

const isChanged = ({ before, after }: Compared): boolean => before.verdict !== after.verdict
const isOpened = ({ before, after }: Compared): boolean => allows(after) && !allows(before)

const idsOf = ({ topology }: Config): ReadonlySet<string> => new Set(topology.workloads.map(({ id }) => id))

export function isComparable(a: Config, b: Config): boolean {
  const [one, other] = [idsOf(a), idsOf(b)]
  return one.size === other.size && [...one].every(id => other.has(id))
}

/** Answers are kept while a scheme is asked: most configurations are asked about many times. */
export class Models {
  readonly #held = new Map<Config, Model>()

  of(config: Config): Model {
    const held = this.#held.get(config)
    if (held) return held
    const made = modelOf(config)
    this.#held.set(config, made)
    return made
  }

  equal(a: Config, b: Config): boolean {
    return isComparable(a, b) && this.#never(a, b, 'any')
  }

  /** Whether `inner` allows nothing that `outer` does not, among the peers of `inner`. */
  contains(outer: Config, inner: Config): boolean {
    const known = idsOf(outer)
    if (inner.topology.workloads.some(({ id }) => !known.has(id))) return false
    const shared = new Set<string>(idsOf(inner))
    if (known.size === shared.size) return this.#never(outer, inner, 'opened')
    const workloads = outer.topology.workloads.filter(({ id }) => shared.has(id))
    return !some(compareFlows(modelOf(outer, workloads), this.of(inner), { ports: PORTS }), isOpened)
  }

  #never(before: Config, after: Config, change: 'any' | 'opened'): boolean {
    const models = [this.of(before), this.of(after)] as const
    // A proof of a difference takes it that workloads are the same, with their labels.
    if (before.topology !== after.topology)
      return !some(compareFlows(...models, { ports: PORTS }), change === 'any' ? isChanged : isOpened)
    const proof = prove(models[0], { kind: 'difference', after: models[1], change, limit: 1, ports: PORTS })
    if (proof.kind !== 'difference' || !proof.covered.complete)
      throw new TypeError('no proof of a difference')
    return proof.equivalent
  }

  /** Whether some flow that `other` allows by name is one that `first` answers so. */
  #someNamed(first: Config, other: Config, test: (decision: Decision) => boolean): boolean {
    if (other.policies.length === 0 || !isComparable(first, other)) return false
    const flows = compareFlows(this.of(first), this.of(other), { ports: PORTS })
    return some(flows, ({ before, after }) => allowsByName(after) && test(before))
  }

  /** What `other` allows by name, and `first` does not. */
  exceeds = (first: Config, other: Config): boolean => this.#someNamed(first, other, one => !allows(one))
  /** What `other` allows by name, and `first` does as well. */
  meets = (first: Config, other: Config): boolean => this.#someNamed(first, other, allows)
  /** What `other` allows by name between peers that `first` is about, and `first` does not allow by name. */
  extends = (first: Config, other: Config): boolean =>
    this.#someNamed(first, other, one => captures(one) && !allowsByName(one))
}

function some(flows: Iterable<Compared>, test: (compared: Compared) => boolean): boolean {
  for (const each of flows) if (test(each)) return true
  return false
}

/** Whether anything of one set may talk to anything of another, in either direction. */
function connects(model: Model, a: EndSet, b: EndSet): boolean {
  return [
    [a, b],
    [b, a],
  ].some(([from, to]) => {
    if (!from || !to) return false
    const proof = prove(model, { kind: 'reach', from, to, ports: PORTS })
    return proof.kind === 'reach' && proof.found !== false
  })
}

/** How many of the two changes there are between some ends: something is opened, something is closed. */
function changes(before: Model, after: Model, ends: readonly (readonly [EndSet, EndSet])[]): number {
  const found = new Set<string>()
  for (const [from, to] of ends) {
    for (const each of compareFlows(before, after, { from, to, ports: PORTS })) {
      if (isChanged(each)) found.add(each.after.verdict)
      if (found.size === 2) return 2
    }
  }
  return found.size
}

/** Peers of one configuration only: the categories of what they could or can do. */
function ofOnly(config: Config, only: readonly Workload[], both: readonly Workload[]): number {
  if (only.length === 0) return 0
  const own = modelOf(config, only)
  const among = connects(own, WORKLOADS, WORKLOADS)
  const outside = connects(own, WORKLOADS, OUTSIDE)
  const between = both.some(({ id, namespace, name }) => {
    const model = modelOf(config, [...only, ...both.filter(each => each.id === id)])
    return connects(model, { kind: 'workloads', namespace, name }, WORKLOADS)
  })
  return [among, outside, between].filter(Boolean).length
}

/** How many kinds of changes there are: opened or closed, among peers that stay, come or go, or with the outside. */
export function changeCategories(before: Config, after: Config): number {
  const [old, now] = [idsOf(before), idsOf(after)]
  const kept = (config: Config) => config.topology.workloads.filter(({ id }) => old.has(id) && now.has(id))
  const removed = before.topology.workloads.filter(({ id }) => !now.has(id))
  const added = after.topology.workloads.filter(({ id }) => !old.has(id))
  const models = [modelOf(before, kept(before)), modelOf(after, kept(after))] as const
  return (
    changes(...models, [[WORKLOADS, WORKLOADS]]) +
    changes(...models, [
      [WORKLOADS, OUTSIDE],
      [OUTSIDE, WORKLOADS],
    ]) +
    ofOnly(before, removed, kept(before)) +
    ofOnly(after, added, kept(after))
  )
}
