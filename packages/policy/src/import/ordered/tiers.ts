import type { Direction, Mode } from '@sekisho/core'
import { and, type Cube, cubeKey, EVERYTHING, onlyNamespace, toSelector } from '../cube.ts'
import type { Draft } from '../foreign.ts'
import { cut, Inexpressible } from './pieces.ts'
import { isUnconditional, type OrderedRule, restrict, writeAccounts, writeRule } from './rule.ts'

export interface Tier {
  readonly name: string
  readonly order: number
  /** What happens to traffic of workloads that a policy of the tier selects and that none of its rules matches. */
  readonly defaultAction: 'Deny' | 'Pass'
}

/** A policy of an ordered product: the first matching rule of the first policies counts. */
export interface OrderedPolicy {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly tier: Tier
  readonly order: number
  readonly subject: readonly Cube[]
  /** A direction that is absent is not touched. */
  readonly sections: Readonly<Partial<Record<Direction, readonly OrderedRule[]>>>
  readonly mode: Mode
  /** A document of Sekisho that already says the same, as long as its order does not matter. */
  readonly asIs?: Draft
  /** It has no translation: a list that it is asked in has a hole, and what it denies another may allow. */
  readonly isMissing?: true
}

export interface Ordered {
  /** Each with the first of the policies that it comes from. */
  readonly drafts: readonly { readonly draft: Draft; readonly policy: OrderedPolicy }[]
  readonly refused: readonly { readonly policy: OrderedPolicy; readonly reason: string }[]
}

const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

const byOrder = (a: OrderedPolicy, b: OrderedPolicy): number =>
  a.tier.order - b.tier.order ||
  (a.order === b.order ? 0 : a.order - b.order) ||
  (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

const meet = (a: OrderedPolicy, b: OrderedPolicy): boolean =>
  DIRECTIONS.some(direction => a.sections[direction] && b.sections[direction]) &&
  a.subject.some(left => b.subject.some(right => and(left, right)))

/** Policies that may select the same workload, directly or through others, in order. */
function components(policies: readonly OrderedPolicy[]): OrderedPolicy[][] {
  const left = new Set(policies.toSorted(byOrder))
  const found: OrderedPolicy[][] = []
  for (const first of left) {
    const group = [first]
    left.delete(first)
    for (const member of group) {
      for (const other of left) {
        if (!meet(member, other)) continue
        group.push(other)
        left.delete(other)
      }
    }
    found.push(group.toSorted(byOrder))
  }
  return found
}

/** Where all rules allow and what none allows is denied, the order says nothing: each policy stands for itself. */
const isUnordered = (group: readonly OrderedPolicy[]): boolean =>
  group.every(
    ({ tier, sections }) =>
      tier === group[0]?.tier &&
      tier.defaultAction === 'Deny' &&
      DIRECTIONS.every(direction => (sections[direction] ?? []).every(isPlain)),
  )
const isPlain = ({ action, about, unless }: OrderedRule): boolean => action === 'Allow' && !about && !unless

/** What becomes one document. */
interface Part {
  readonly cube: Cube
  readonly policies: readonly [OrderedPolicy, ...OrderedPolicy[]]
  readonly sections: Readonly<Partial<Record<Direction, readonly OrderedRule[]>>>
  readonly asIs?: Draft
}
/** Workloads with the rules that they are asked, tier by tier. */
interface Selected extends Pick<Part, 'cube' | 'policies'> {
  readonly tiers: readonly AskedTier[]
}
interface AskedTier {
  readonly rules: readonly OrderedRule[]
  readonly defaultAction: Tier['defaultAction']
}

/** Policies, and rules that are about some of their workloads, tell workloads apart. */
type Cutter = { readonly subject: readonly Cube[] } & (
  | { readonly policy: OrderedPolicy }
  | { readonly rule: OrderedRule }
)

function pieces(group: readonly OrderedPolicy[], direction: Direction): Selected[] {
  const asked = group.filter(({ sections }) => sections[direction])
  const rulesOf = ({ sections }: OrderedPolicy) => sections[direction] ?? []
  const cutters: Cutter[] = [
    ...asked.map(policy => ({ subject: policy.subject, policy })),
    ...asked.flatMap(rulesOf).flatMap(rule => (rule.about ? [{ subject: rule.about, rule }] : [])),
  ]
  return cut([EVERYTHING], cutters).flatMap(({ cube, about }): Selected[] => {
    const [first, ...others] = about.flatMap(each => ('policy' in each ? [each.policy] : []))
    const included = new Set(about.flatMap(each => ('rule' in each ? [each.rule] : [])))
    if (!first) return []
    const policies = [first, ...others] as const
    const tiers = [...Map.groupBy(policies, ({ tier }) => tier)].map(([{ defaultAction }, members]) => ({
      defaultAction,
      rules: members.flatMap(rulesOf).filter(rule => !rule.about || included.has(rule)),
    }))
    return [{ cube, policies, tiers }]
  })
}

const restrictAll = (rules: readonly OrderedRule[], condition: OrderedRule): OrderedRule[] =>
  rules.flatMap(rule => restrict(rule, condition) ?? [])

/**
 * A tier as a list: what a Pass matches is asked the rest, what a rule leaves out is asked what follows it.
 * @param end what is asked of traffic that no rule of the tier matches.
 * @param rest what follows the tier.
 */
function follow(
  [rule, ...later]: readonly OrderedRule[],
  end: readonly OrderedRule[],
  rest: readonly OrderedRule[],
): OrderedRule[] {
  if (!rule) return [...end]
  const { unless, about: _, ...bare } = rule
  const matched = bare.action === 'Pass' ? restrictAll(rest, bare) : [bare]
  if (isUnconditional(rule)) return matched
  const then = follow(later, end, rest)
  const leftOut = unless ? restrictAll(then, { action: 'Pass', ports: unless }) : []
  return [...leftOut, ...matched, ...then]
}

/** Behind the last tier everything is allowed, as the namespaces' profiles do in Kubernetes. */
function flatten([tier, ...later]: readonly AskedTier[]): OrderedRule[] {
  if (!tier) return [{ action: 'Allow' }]
  const rest = flatten(later)
  return follow(tier.rules, tier.defaultAction === 'Pass' ? rest : [{ action: 'Deny' }], rest)
}

/** The closing deny is what isolation says; a list of nothing but denials is the empty list. */
function closed(rules: readonly OrderedRule[]): readonly OrderedRule[] {
  const last = rules.at(-1)
  const open = last?.action === 'Deny' && isUnconditional(last) ? rules.slice(0, -1) : rules
  return open.some(rule => rule.action === 'Allow') ? open : []
}

function orderedParts(group: readonly OrderedPolicy[]): Part[] {
  if (group.some(({ mode }) => mode !== 'Enforce'))
    throw new Inexpressible(
      'a staged policy meets rules whose order matters; what it would do cannot be told',
    )
  const parts = new Map<string, Part>()
  for (const direction of DIRECTIONS) {
    for (const { cube, policies, tiers } of pieces(group, direction)) {
      const held = parts.get(cubeKey(cube))
      const rules = closed(flatten(tiers))
      parts.set(cubeKey(cube), {
        cube,
        policies: held
          ? [...held.policies, ...policies.filter(one => !held.policies.includes(one))]
          : policies,
        sections: { ...held?.sections, [direction]: rules },
      })
    }
  }
  return [...parts.values()]
}

function unorderedParts(policy: OrderedPolicy): Part[] {
  const { asIs, sections } = policy
  const parts = policy.subject.map((cube): Part => ({ cube, policies: [policy], sections }))
  return asIs ? parts.map(part => ({ ...part, asIs })) : parts
}

const FROM_ANNOTATION = 'sekisho.dev/imported-from'

interface PolicyHead {
  readonly name: string
  /** What it was translated from, for people. */
  readonly from: string
  readonly mode: Mode
  /** The labels are those of nodes. */
  readonly isHost?: boolean
}

/** A SecurityPolicy where all that is selected is in one namespace, else a ClusterSecurityPolicy. */
export function writePolicy(
  { cube, sections }: Pick<Part, 'cube' | 'sections'>,
  { name, from, mode, isHost = false }: PolicyHead,
): Draft {
  const home = onlyNamespace(cube) ?? ''
  const podSelector = toSelector(cube, 'pod')
  const namespaceSelector = toSelector(cube, 'namespace')
  const pods = {
    ...(home === '' && Object.keys(namespaceSelector).length > 0 && { namespaceSelector }),
    ...(Object.keys(podSelector).length > 0 && { podSelector }),
    ...writeAccounts(cube),
  }
  const subject = isHost ? { hostSelector: podSelector } : pods
  const section = (direction: Direction) => {
    const rules = sections[direction]
    return rules && { [direction]: rules.map(rule => writeRule(rule, { direction, home })) }
  }
  return {
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: home === '' ? 'ClusterSecurityPolicy' : 'SecurityPolicy',
    metadata: {
      name,
      ...(home !== '' && { namespace: home }),
      annotations: { [FROM_ANNOTATION]: from },
    },
    spec: {
      mode,
      ...(Object.keys(subject).length > 0 && { subject }),
      ...section('ingress'),
      ...section('egress'),
    },
  }
}

const writePart = (part: Part, name: string): Draft =>
  writePolicy(part, {
    name,
    from: part.policies
      .map(policy => `${policy.kind} ${policy.namespace && `${policy.namespace}/`}${policy.name}`)
      .join(', '),
    mode: part.policies[0].mode,
  })

/** The name of the policy that the part comes from, with a number from its second part on. */
function naming(): (part: Part) => string {
  const taken = new Map<string, number>()
  return ({ policies }) => {
    const base = policies.map(({ name }) => name).join('.')
    const short = base.length <= 200 ? base : (policies[0]?.name ?? '')
    const count = (taken.get(short) ?? 0) + 1
    taken.set(short, count)
    return count === 1 ? short : `${short}-${count}`
  }
}

function refuseHole(group: readonly OrderedPolicy[]): void {
  const missing = group.find(({ isMissing }) => isMissing)
  if (missing)
    throw new Inexpressible(
      `is asked in one order with ${missing.kind} ${missing.name}, which denies or passes and has no translation`,
    )
}

/**
 * Ordered policies as Sekisho's own, which are not ordered among each other. Where order matters the workloads are
 * split by which policies select them, and each piece gets one policy with the whole list: inside a policy with
 * Deny rules the first match counts too.
 */
export function translateOrdered(policies: readonly OrderedPolicy[]): Ordered {
  const name = naming()
  const drafts: { draft: Draft; policy: OrderedPolicy }[] = []
  const refused: { policy: OrderedPolicy; reason: string }[] = []
  for (const group of components(policies)) {
    try {
      refuseHole(group)
      for (const part of isUnordered(group) ? group.flatMap(unorderedParts) : orderedParts(group)) {
        const [policy] = part.policies
        drafts.push({ draft: part.asIs ?? writePart(part, name(part)), policy })
      }
    } catch (error) {
      if (!(error instanceof Inexpressible)) throw error
      for (const policy of group.filter(each => !each.isMissing))
        refused.push({ policy, reason: error.message })
    }
  }
  return { drafts, refused }
}
