import type { Direction, NamedPort } from '@sekisho/core'
import type { PortSpec } from '../documents/document.ts'
import type { BoundRule } from '../model/bound.ts'
import { mergePorts, type NamedPortSpec, resolvePort } from '../model/ports.ts'
import { effectOf, type Profile, type Stage } from '../model/profile.ts'
import type { Chain, PortMatch, SetId, TableRule } from '../table.ts'
import { contentHash } from './hash.ts'
import { type Part, partsOf } from './parts.ts'
import type { CompiledSection, RuleSets } from './section.ts'
import type { SetSpec } from './set-spec.ts'

/** A profile to be compiled for one subject: named ports of ingress rules are the subject's own. */
export interface ChainSource {
  readonly direction: Direction
  readonly profile: Profile
  /** In the order of the profile's sections. */
  readonly sections: readonly CompiledSection[]
  readonly ports: readonly NamedPort[]
  /** Resolvers that the node is told of, beside those that policies know. */
  readonly resolvers: readonly SetSpec[]
}

export interface CompiledChain {
  readonly chain: Chain
  readonly sets: readonly SetSpec[]
}

const numbers = (ports: readonly NamedPort[], spec: NamedPortSpec): readonly number[] =>
  [...new Set(resolvePort(ports, spec))].toSorted((a, b) => a - b)

/** Whether what the subject asks of DNS goes through a profile. */
const checksDns = ({ direction, profile }: ChainSource): boolean =>
  direction === 'egress' && profile.sections.some(({ policy }) => policy.profiles.length > 0)

/** Equal for sources that compile to equal chains; cheap, because it is made for each change of a workload. */
export function chainKey(source: ChainSource): string {
  const { direction, sections, ports } = source
  const names = sections.flatMap(section => section.names)
  const resolved = new Set(names.map(spec => `${spec.protocol}/${spec.name}=${numbers(ports, spec).join()}`))
  const dns = checksDns(source) ? ['dns'] : []
  return [
    direction,
    ...dns,
    ...sections.map(section => section.fingerprint),
    ...[...resolved].toSorted(),
  ].join(' ')
}

/** Ports of a rule on one subject: numbers as written, names as the subject resolves them. */
function portsOf(rule: BoundRule, { direction, ports }: ChainSource): readonly PortMatch[] | undefined {
  if (!rule.specs || direction === 'egress' || rule.named.length === 0) return rule.ports
  const resolved = rule.named.flatMap(spec =>
    numbers(ports, spec).map((port): PortSpec => {
      return { kind: 'range', protocol: spec.protocol, first: port, last: port }
    }),
  )
  return mergePorts([...rule.specs, ...resolved])
}

type SetsOfRules = ReadonlyMap<BoundRule, RuleSets>

interface CompiledRule {
  readonly rule: BoundRule
  readonly sets: RuleSets
}

const ids = (sets: readonly SetSpec[]): readonly SetId[] => sets.map(set => set.id)

/** Each part, and others with the same name for what is in the world: inside and outside cannot be asked at once. */
function tableRules(stage: Stage, { rule, sets }: CompiledRule, source: ChainSource): readonly TableRule[] {
  const ports = portsOf(rule, source)
  return partsOf(rule, { named: sets.named, ...(ports && { ports }) }).flatMap(part =>
    partRules(stage, { rule, sets }, part),
  )
}

/** What names led to is open whatever the part: it is not known there which name is asked for. */
function partRules(
  stage: Stage,
  { rule, sets: { peers, outside, byName } }: CompiledRule,
  { isOpen, ports, named }: Part,
): readonly TableRule[] {
  const match = {
    id: rule.id,
    why: rule.answer.why,
    ...(rule.answer.onDeny && { reset: true as const }),
    ...(ports && { ports }),
  }
  const open = { ...match, action: 'inspect', may: effectOf(stage, rule), onFailure: rule.onFailure } as const
  const base = isOpen ? open : { ...match, action: effectOf(stage, rule) }
  const inside: TableRule = {
    ...base,
    ...(peers && { peers: ids(peers) }),
    ...(named.length > 0 && { namedPorts: ids(named) }),
  }
  const says = peers === undefined || peers.length > 0
  return [
    ...(says ? [inside] : []),
    ...(outside ? [{ ...base, outside: ids(outside) }] : []),
    ...(byName ? [{ ...open, peers: ids(byName) }] : []),
  ]
}

/** How late a rule is asked among others that all allow: what is settled needs no inspection, and `closed` wins. */
const lateness = (rule: TableRule): number =>
  rule.action !== 'inspect' ? 0 : rule.onFailure === 'closed' ? 1 : 2

/** What closes the stage of Allow rules is its last rule. */
function tableStage(stage: Stage, source: ChainSource, sets: SetsOfRules): readonly TableRule[] {
  const rules = stage.rules.flatMap(rule => {
    const compiled = sets.get(rule)
    return compiled ? tableRules(stage, { rule, sets: compiled }, source) : []
  })
  const { closing } = stage
  const ordered = stage.kind === 'allow' ? rules.toSorted((a, b) => lateness(a) - lateness(b)) : rules
  if (closing?.by === undefined) return ordered
  const { by: id, why, onDeny } = closing
  return [...ordered, { id, action: 'deny', why, ...(onDeny && { reset: true }) }]
}

/** An open rule that may allow ends the direction, so it must be as careful as those that are not asked any more. */
function careful(stages: readonly (readonly TableRule[])[]): readonly (readonly TableRule[])[] {
  let isClosed = false
  const backwards = stages.toReversed().map(stage =>
    stage.toReversed().map((rule): TableRule => {
      if (rule.action !== 'inspect') return rule
      isClosed ||= rule.onFailure === 'closed'
      return isClosed && rule.may === 'allow' ? { ...rule, onFailure: 'closed' } : rule
    }),
  )
  return backwards.toReversed().map(stage => stage.toReversed())
}

/** DNS, and where a cluster's resolvers listen behind the service's port 53 (OpenShift). */
export const RESOLVER_PORTS: readonly (readonly [number, number])[] = [
  [53, 53],
  [5353, 5353],
]

/**
 * What resolvers answer is read, although no rule asks what is said to them; it is open, so that names resolve without us.
 * Without resolvers: whoever is asked.
 */
function readAnswers({ id, answer }: BoundRule, resolvers?: readonly SetId[]): TableRule {
  return {
    id,
    action: 'inspect',
    may: 'next',
    onFailure: 'open',
    why: answer.why,
    ...(resolvers && { peers: resolvers }),
    ports: [
      { protocol: 'TCP', ports: RESOLVER_PORTS },
      { protocol: 'UDP', ports: RESOLVER_PORTS },
    ],
  }
}

/** A stage before all others, in chains whose subject's DNS goes through a profile. */
function profileStage(source: ChainSource): readonly TableRule[] {
  const first = source.profile.stages.flatMap(({ rules }) => rules)[0]
  return first && checksDns(source) ? [readAnswers(first)] : []
}

/** The same in chains that ask for names. */
function resolverStage(source: ChainSource, sets: SetsOfRules): readonly TableRule[] {
  const naming = source.profile.stages.flatMap(({ rules }) => rules.filter(rule => sets.get(rule)?.resolvers))
  const [first] = naming
  const resolvers = naming.flatMap(rule => sets.get(rule)?.resolvers ?? [])
  return first ? [readAnswers(first, [...new Set([...ids(resolvers), ...ids(source.resolvers)])])] : []
}

export function compileChain(source: ChainSource, key: string): CompiledChain {
  const sets = new Map(source.sections.flatMap(section => [...section.sets]))
  const answers = resolverStage(source, sets)
  const stages = [
    profileStage(source),
    answers,
    ...source.profile.stages.map(stage => tableStage(stage, source, sets)),
  ].filter(stage => stage.length > 0)
  const used = source.profile.stages.flatMap(stage => stage.rules.flatMap(rule => setsOf(sets.get(rule))))
  return {
    chain: {
      id: `c${contentHash(key)}`,
      direction: source.direction,
      stages: careful(stages),
      ...(answers[0]?.peers && { resolvers: answers[0].peers }),
    },
    sets: [
      ...new Map(
        [...used, ...(answers.length > 0 ? source.resolvers : [])].map(set => [set.id, set]),
      ).values(),
    ],
  }
}

const setsOf = (sets: RuleSets | undefined): readonly SetSpec[] => [
  ...(sets?.peers ?? []),
  ...(sets?.outside ?? []),
  ...(sets?.byName ?? []),
  ...(sets?.resolvers ?? []),
  ...(sets?.named ?? []),
]
