import { field, type Manifest } from './manifests.ts'
import {
  ALLOWED,
  CAPTURED,
  type Cells,
  type Config,
  type Connectivity,
  connectivityOf,
  type Loaded,
  loadModel,
  Unsupported,
} from './nca-config.ts'

interface Known extends Loaded {
  readonly connectivity: Connectivity
}

export interface QueryContext {
  readonly cells: Cells
  /** Answers are kept while a scheme is asked, by configuration. */
  readonly loaded: Map<Config, Known>
}

/** The number that network-config-analyzer gives for a query (docs/SchemeFileFormat.md). */
type Query = (configs: readonly Config[], context: QueryContext) => number

function know(config: Config, context: QueryContext): Known {
  const held = context.loaded.get(config)
  if (held) return held
  const loaded = loadModel(config)
  const known = { ...loaded, connectivity: connectivityOf(loaded.model, config, context.cells) }
  context.loaded.set(config, known)
  return known
}

/** Whether `test` holds for the bytes of every pair of different ends, of which one is a workload. */
function everyPair(
  a: Connectivity,
  b: Connectivity,
  test: (left: number, right: number) => boolean,
): boolean {
  if (a.ends.length !== b.ends.length || a.ends.some((end, i) => end !== b.ends[i]))
    throw new Unsupported('configurations with different workloads')
  for (let source = 0; source < a.ends.length; source++) {
    for (let destination = 0; destination < a.ends.length; destination++) {
      if (source === destination || (source >= a.inside && destination >= a.inside)) continue
      const [left, right] = [a.at(source, destination), b.at(source, destination)]
      for (let i = 0; i < left.length; i++) if (!test(left[i] ?? 0, right[i] ?? 0)) return false
    }
  }
  return true
}

const same = (a: Connectivity, b: Connectivity): boolean =>
  everyPair(a, b, (left, right) => (left & ALLOWED) === (right & ALLOWED))
/** Whether `b` allows nothing that `a` does not. */
const contains = (a: Connectivity, b: Connectivity): boolean =>
  everyPair(a, b, (left, right) => (right & ALLOWED) <= (left & ALLOWED))
/** What the policies allow by name, not by leaving it alone. */
const EXPLICIT = ALLOWED | CAPTURED

/** How many of the others, compared with the first one, satisfy. */
const againstFirst =
  (test: (first: Connectivity, other: Connectivity) => boolean): Query =>
  ([first, ...others], context) => {
    if (!first) return 0
    const base = know(first, context).connectivity
    return others.filter(other => test(base, know(other, context).connectivity)).length
  }

function pairs(configs: readonly Config[], context: QueryContext): (readonly [Connectivity, Connectivity])[] {
  const all = configs.map(config => know(config, context).connectivity)
  return all.flatMap((a, i) => all.slice(i + 1).map(b => [a, b] as const))
}

const interferes = (a: Connectivity, b: Connectivity): boolean =>
  !everyPair(a, b, (left, right) => {
    if (!(left & CAPTURED) || !(right & CAPTURED)) return true
    return (right & ALLOWED) <= (left & ALLOWED)
  })

const isVacuous = (config: Config, context: QueryContext): boolean =>
  same(know(config, context).connectivity, know({ ...config, policies: [] }, context).connectivity)

const without = (config: Config, policy: Manifest): Config => ({
  ...config,
  policies: config.policies.filter(one => one !== policy),
})

/** The policy with one rule less. */
function withoutRule(policy: Manifest, direction: 'ingress' | 'egress', index: number): Manifest {
  const rules = field(policy, 'spec', direction)
  const spec = policy.spec as Manifest // a policy with rules has a spec
  return { ...policy, spec: { ...spec, [direction]: (rules as unknown[]).toSpliced(index, 1) } }
}

function redundantRules(config: Config, policy: Manifest, context: QueryContext): number {
  const base = know(config, context).connectivity
  let count = 0
  for (const direction of ['ingress', 'egress'] as const) {
    const rules = field(policy, 'spec', direction)
    if (!Array.isArray(rules)) continue
    rules.forEach((_, index) => {
      const changed = withoutRule(policy, direction, index)
      const policies = config.policies.map(one => (one === policy ? changed : one))
      if (same(base, know({ ...config, policies }, context).connectivity)) count++
    })
  }
  return count
}

/** Policies without which nothing changes, and rules of the others. One policy alone is never redundant. */
function redundancy(config: Config, context: QueryContext): number {
  const base = know(config, context).connectivity
  let count = 0
  for (const policy of config.policies) {
    const isRedundant =
      config.policies.length > 1 && same(base, know(without(config, policy), context).connectivity)
    count += isRedundant ? 1 : redundantRules(config, policy, context)
  }
  return count
}

/** Of two: 3 the same, 1 the second contained, 2 the first contained, 0 neither. */
const twoWay: Query = ([first, second], context) => {
  if (!first || !second) return 0
  const [a, b] = [know(first, context).connectivity, know(second, context).connectivity]
  if (same(a, b)) return 3
  if (contains(a, b)) return 1
  return contains(b, a) ? 2 : 0
}

const sum = (configs: readonly Config[], of: (config: Config) => number): number =>
  configs.reduce((total, config) => total + of(config), 0)

/** Query kinds that are answered; any other is counted by its name as not answered. */
export const QUERIES: Readonly<Record<string, Query>> = {
  equivalence: (configs, context) => pairs(configs, context).filter(([a, b]) => !same(a, b)).length,
  containment: againstFirst(contains),
  twoWayContainment: twoWay,
  permits: againstFirst(
    (a, b) =>
      !everyPair(a, b, (left, right) => (right & EXPLICIT) !== EXPLICIT || (left & ALLOWED) === ALLOWED),
  ),
  forbids: againstFirst(
    (a, b) => !everyPair(a, b, (left, right) => (right & EXPLICIT) !== EXPLICIT || (left & ALLOWED) === 0),
  ),
  interferes: againstFirst(interferes),
  pairwiseInterferes: (configs, context) =>
    pairs(configs, context).flatMap(([a, b]) => [interferes(a, b), interferes(b, a)].filter(Boolean)).length,
  vacuity: (configs, context) => configs.filter(config => isVacuous(config, context)).length,
  redundancy: (configs, context) => sum(configs, config => redundancy(config, context)),
}
