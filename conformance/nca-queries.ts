import { field, type Manifest, textField } from './manifests.ts'
import { changeCategories, isComparable, type Models } from './nca-compare.ts'
import type { Config } from './nca-config.ts'
import { isAsDrawn, readMaps } from './nca-map.ts'
import { conflict, isAbout, overlap, rulesOf, Selected, type Side } from './nca-selected.ts'
import { Unsupported } from './nca-topology.ts'

/** How one query wants its answer. */
export interface Wanted {
  /** Count pods, not what made them. */
  readonly byPod: boolean
  /** The file with what is expected, where there is one. */
  readonly drawn: string | undefined
}

/** What a scheme's queries share, and how one wants its answer. */
export class QueryContext {
  readonly models: Models
  readonly #wanted: Wanted
  readonly #selected = new Map<Config, Selected>()

  constructor(models: Models, wanted: Wanted) {
    this.models = models
    this.#wanted = wanted
  }

  get byPod(): boolean {
    return this.#wanted.byPod
  }

  /** What the configurations of a query allow, each as the analyzer draws it. */
  maps(): ReturnType<typeof readMaps> {
    const { drawn } = this.#wanted
    if (drawn === undefined) throw new Unsupported('no map is expected')
    return readMaps(drawn)
  }

  selected(config: Config): Selected {
    const held = this.#selected.get(config) ?? new Selected(config)
    this.#selected.set(config, held)
    return held
  }
}

/** The number that network-config-analyzer gives for a query (docs/SchemeFileFormat.md). */
type Query = (configs: readonly Config[], context: QueryContext) => number

/** How many of the others, compared with the first one, satisfy. */
const againstFirst =
  (test: (first: Config, other: Config, models: Models) => boolean): Query =>
  ([first, ...others], { models }) =>
    first ? others.filter(other => test(first, other, models)).length : 0

/** The sum over all pairs, each as it is written. */
const eachPair =
  (of: (a: Config, b: Config, context: QueryContext) => number): Query =>
  (configs, context) =>
    configs.reduce(
      (sum, a, at) => sum + configs.slice(at + 1).reduce((rest, b) => rest + of(a, b, context), 0),
      0,
    )

const each =
  (of: (config: Config, context: QueryContext) => number): Query =>
  (configs, context) =>
    configs.reduce((sum, config) => sum + of(config, context), 0)

const isVacuous = (config: Config, { models }: QueryContext): boolean =>
  models.equal({ ...config, policies: [] }, config)

const without = (config: Config, policy: Manifest): Config => ({
  ...config,
  policies: config.policies.filter(one => one !== policy),
})

/** The policy with one rule less; which directions it is about stays as it was. */
function withoutRule(policy: Manifest, side: Side, index: number): Manifest {
  const types = (['ingress', 'egress'] as const)
    .filter(each => isAbout(policy, each))
    .map(each => (each === 'ingress' ? 'Ingress' : 'Egress'))
  const spec = policy.spec as Manifest // a policy with rules has a spec
  const key = textField(policy, 'apiVersion').includes('calico') ? 'types' : 'policyTypes'
  return { ...policy, spec: { ...spec, [key]: types, [side]: rulesOf(policy, side).toSpliced(index, 1) } }
}

/** Rules without which nothing changes. */
function redundantRules(config: Config, policy: Manifest, { models }: QueryContext): readonly unknown[] {
  const isRedundant = (side: Side, index: number): boolean => {
    const changed = withoutRule(policy, side, index)
    const policies = config.policies.map(one => (one === policy ? changed : one))
    return models.equal(config, { ...config, policies })
  }
  return (['ingress', 'egress'] as const).flatMap(side =>
    rulesOf(policy, side).filter((_, index) => isRedundant(side, index)),
  )
}

/** One policy alone is never redundant. */
const isRedundant = (config: Config, policy: Manifest, { models }: QueryContext): boolean =>
  config.policies.length > 1 && models.equal(config, without(config, policy))

function redundancy(config: Config, context: QueryContext): number {
  const counts = config.policies.map(policy =>
    isRedundant(config, policy, context) ? 1 : redundantRules(config, policy, context).length,
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

function emptiness(config: Config, context: QueryContext): number {
  const selected = context.selected(config)
  const counts = config.policies.map(policy => {
    return (selected.by(policy).size === 0 ? 1 : 0) + selected.emptyRules(policy).rules.size
  })
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Issues of one policy of a set that does change something. */
function issuesOf(config: Config, policy: Manifest, context: QueryContext): number {
  if (isRedundant(config, policy, context)) return 1
  const { rules: empty } = context.selected(config).emptyRules(policy)
  return redundantRules(config, policy, context).filter(rule => !empty.has(rule)).length
}

function sanity(config: Config, context: QueryContext): number {
  if (config.policies.length === 0) return 0
  const selected = context.selected(config)
  if (conflict(config.policies, selected)) return 1
  const vacuous = isVacuous(config, context)
  const counts = config.policies.map(policy => {
    if (selected.by(policy).size === 0) return 1
    return selected.emptyRules(policy).ends + (vacuous ? 0 : issuesOf(config, policy, context))
  })
  return counts.reduce((sum, count) => sum + count, vacuous ? 1 : 0)
}

/** Workloads by owner that no policy is about, counted for each direction. */
function uncaptured(config: Config, context: QueryContext): number {
  const { workloads, owners } = config.topology
  if (config.policies.length === 0) return workloads.length
  const selected = context.selected(config)
  const counts = (['ingress', 'egress'] as const).map(side => {
    const about = config.policies.filter(policy => isAbout(policy, side)).map(policy => selected.by(policy))
    const left = workloads.filter(({ id }) => !about.some(ids => ids.has(id)))
    return new Set(left.map(({ id }) => (context.byPod ? id : owners.get(id)?.workload))).size
  })
  return counts.reduce((sum, count) => sum + count, 0)
}

const disjointness = (config: Config, context: QueryContext): number => {
  const selected = context.selected(config)
  return config.policies.reduce(
    (sum, a, at) => sum + config.policies.slice(at + 1).filter(b => overlap(selected, a, b)).length,
    0,
  )
}

const keyOf = (policy: Manifest): string =>
  [
    textField(policy, 'apiVersion').includes('calico'),
    policy.kind,
    field(policy, 'metadata', 'namespace'),
    field(policy, 'metadata', 'name'),
  ].join()

/** Policies of the same names, each of which means the same alone. */
function strongly(a: Config, b: Config, { models }: QueryContext): boolean {
  if (!isComparable(a, b)) return false
  const alone = (config: Config) =>
    new Map(config.policies.map(one => [keyOf(one), { ...config, policies: [one] }]))
  const [ours, theirs] = [alone(a), alone(b)]
  return (
    ours.size === theirs.size &&
    [...ours].every(([key, one]) => {
      const other = theirs.get(key)
      return other !== undefined && models.equal(one, other)
    })
  )
}

/** 3 the same, 1 the second contained, 2 the first contained, 0 neither. */
function containments(a: Config, b: Config, { models }: QueryContext): number {
  const [second, first] = [models.contains(a, b), models.contains(b, a)]
  if (first && second) return 3
  return second ? 1 : first ? 2 : 0
}

/** How many configurations do not allow what their map says; the analyzer itself counts nothing here. */
const misdrawn: Query = (configs, context) => {
  const models = configs.map(config => context.models.of(config))
  const maps = context.maps()
  if (maps.length !== configs.length) throw new TypeError('a file with too few maps')
  return models.filter((model, at) => {
    const [config, map] = [configs[at], maps[at]]
    return config && map && !isAsDrawn(model, config.topology, map)
  }).length
}

/** Query kinds that are answered; any other is named as not answered. */
export const QUERIES: Readonly<Record<string, Query>> = {
  equivalence: eachPair((a, b, { models }) => (models.equal(a, b) ? 0 : 1)),
  strongEquivalence: eachPair((a, b, context) => (strongly(a, b, context) ? 0 : 1)),
  semanticDiff: eachPair(changeCategories),
  containment: againstFirst((first, other, models) => models.contains(first, other)),
  twoWayContainment: eachPair(containments),
  permits: againstFirst((first, other, models) => models.exceeds(first, other)),
  forbids: againstFirst((first, other, models) => models.meets(first, other)),
  interferes: againstFirst((first, other, models) => models.extends(first, other)),
  pairwiseInterferes: eachPair(
    (a, b, { models }) => [models.extends(a, b), models.extends(b, a)].filter(Boolean).length,
  ),
  vacuity: each((config, context) => (isVacuous(config, context) ? 1 : 0)),
  redundancy: each(redundancy),
  emptiness: each(emptiness),
  sanity: each(sanity),
  disjointness: each(disjointness),
  allCaptured: each(uncaptured),
  connectivityMap: misdrawn,
}
