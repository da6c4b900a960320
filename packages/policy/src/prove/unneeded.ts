import { type Direction, parseRuleId, type RuleId, ruleId } from '@sekisho/core'
import type { Decision } from '../decision.ts'
import type { PolicyDocument } from '../documents/document.ts'
import type { BoundRule } from '../model/bound.ts'
import type { ModelChange } from '../model/change.ts'
import { factsOf } from '../model/decide.ts'
import { findEnds } from '../model/ends.ts'
import { DIRECTIONS } from '../model/entry.ts'
import { matchRule } from '../model/evaluators.ts'
import { createModel, type Model } from '../model/model.ts'
import { EMPTY_PROFILE } from '../model/profile.ts'
import { Candidates } from './candidates.ts'
import type { EndSet } from './ends.ts'
import { type Pair, type Piece, pair } from './pieces.ts'
import { witness } from './reach.ts'
import { depends, passes, type UnneededProof, type UnneededRule, type Witness } from './result.ts'
import { type PointClass, Space } from './space.ts'
import { Survey, type SurveyOptions } from './survey.ts'

const ANYTHING: EndSet = { kind: 'anything' }

/** A rule as part of its policy. */
interface Part {
  readonly policy: PolicyDocument
  readonly direction: Direction
  readonly index: number
}

const idOf = ({ policy, direction, index }: Part): RuleId => ruleId(policy.id, direction, index)

const without = ({ policy, direction, index }: Part): PolicyDocument => {
  const section = policy.sections[direction]
  if (!section) return policy
  const rules = section.rules.filter((_, at) => at !== index)
  return { ...policy, sections: { ...policy.sections, [direction]: { ...section, rules } } }
}

const partsOf = (policy: PolicyDocument): readonly Part[] =>
  DIRECTIONS.flatMap(direction =>
    (policy.sections[direction]?.rules ?? []).map((_, index) => ({ policy, direction, index })),
  )

/** What each rule decides, and what would be decided without it. */
class Trial {
  readonly #model: Model
  readonly #changed: Model
  readonly #space: Space
  readonly #candidates: Candidates
  readonly survey: Survey

  constructor(model: Model, changed: Model, options: SurveyOptions) {
    this.#model = model
    this.#changed = changed
    this.#space = new Space(model)
    this.#candidates = new Candidates(model, this.#space)
    this.survey = new Survey(options)
  }

  judge(part: Part): UnneededRule | undefined {
    const subjects = this.#candidates.selected(this.#model.index.bound(part.policy.id)?.subject)
    if (subjects.length === 0) return { rule: idOf(part), kind: 'unselected', covers: [] }
    this.#changed.update({ policies: { set: [without(part)] } })
    const decided = this.#compare(part, subjects)
    this.#changed.update({ policies: { set: [part.policy] } })
    if (decided === 'needed') return undefined
    return decided.answer()
  }

  /** What decides what the part matches, or that its absence changes a verdict. */
  #compare(part: Part, subjects: readonly PointClass[]): 'needed' | Decided {
    const decided = new Decided(part)
    for (const piece of this.#pieces(part, subjects)) {
      const before = this.#model.decide(piece.query)
      const after = this.#changed.decide(piece.query)
      if (passes(before) !== passes(after) || depends(before) || depends(after)) return 'needed'
      decided.add(piece, before, after)
    }
    // What was not looked at may need it.
    return this.survey.covered.complete ? decided : 'needed'
  }

  /** Flows that the rule is about, as far as it is known. */
  *#pieces(part: Part, subjects: readonly PointClass[]): Generator<Piece> {
    const { policy, direction } = part
    const id = idOf(part)
    // One that is over is about nothing.
    const rule = this.#model.index.bound(policy.id)?.sections[direction]?.rules.find(each => each.id === id)
    if (!rule) return
    for (const subject of subjects) {
      for (const each of this.#pairs(subject, rule, direction)) {
        for (const piece of this.survey.pieces(each, undefined))
          if (this.#matches(rule, piece, direction)) yield piece
      }
    }
  }

  *#pairs(subject: PointClass, rule: BoundRule, direction: Direction): Generator<Pair> {
    const outside = this.#space.outside(ANYTHING, subject.cuts[direction])
    for (const peer of this.#candidates.peers(rule, outside)) {
      const [from, to] = direction === 'egress' ? [subject, peer] : [peer, subject]
      yield* this.survey.counted(pair(this.#model, from, to))
    }
  }

  #matches(rule: BoundRule, { query }: Piece, direction: Direction): boolean {
    const { index } = this.#model
    const { source, destination } = findEnds(index, query)
    const [subject, peer] = direction === 'egress' ? [source, destination] : [destination, source]
    const { protocol, port } = query
    const asked = {
      direction,
      subject,
      peer,
      protocol,
      port,
      facts: factsOf(query),
      nodes: index.nodeAddresses,
    }
    return matchRule(rule, { ...asked, fromOwnNode: false, profile: EMPTY_PROFILE }) !== 'no'
  }
}

/** What decides the flows that a part matches. */
class Decided {
  readonly #part: Part
  readonly #instead = new Set<RuleId>()
  #own: Witness | undefined
  #hidden: Witness | undefined

  constructor(part: Part) {
    this.#part = part
  }

  /** A flow with the part, and without it. */
  add(piece: Piece, before: Decision, after: Decision): void {
    const { direction } = this.#part
    const { by } = before[direction]
    const isOwn = by === idOf(this.#part)
    if (isOwn) this.#own ??= witness(piece, before)
    else this.#hidden ??= witness(piece, before)
    const other = isOwn ? after[direction].by : by
    // An isolation is no rule: where one denies, no other rule does.
    if (other === undefined || parseRuleId(other)?.index === undefined) return
    this.#instead.add(isOwn ? original(other, this.#part) : other)
  }

  answer(): UnneededRule {
    const rule = idOf(this.#part)
    const flow = this.#own ?? this.#hidden
    if (!flow) return { rule, kind: 'unmatched', covers: [] }
    const covers = [...this.#instead].toSorted()
    return { rule, kind: this.#own ? 'redundant' : 'shadowed', covers, witness: flow }
  }
}

/** Without the part, the rules after it moved up by one. */
function original(by: RuleId, part: Part): RuleId {
  const name = parseRuleId(by)
  if (name?.index === undefined || name.policy !== part.policy.id || name.direction !== part.direction)
    return by
  return name.index >= part.index ? ruleId(name.policy, name.direction, name.index + 1) : by
}

/** Rules in Enforce that could be removed, each for itself: two that cover each other are both named. */
export function findUnneeded(model: Model, options: SurveyOptions = {}): UnneededProof {
  const changed = createModel()
  changed.update(copyOf(model))
  const trial = new Trial(model, changed, options)
  const enforced = [...model.policies.values()].filter(({ mode }) => mode === 'Enforce')
  const rules = enforced.flatMap(partsOf).flatMap(part => trial.judge(part) ?? [])
  return { kind: 'unneeded', rules, covered: trial.survey.covered }
}

/** Everything a model holds, as one change that makes another like it. */
const copyOf = (model: Model): ModelChange => ({
  ...(model.index.now !== undefined && { now: model.index.now }),
  namespaces: { set: [...model.namespaces.values()] },
  nodes: { set: [...model.index.nodes()] },
  workloads: { set: [...model.workloads.values()] },
  policies: { set: [...model.policies.values()] },
})
