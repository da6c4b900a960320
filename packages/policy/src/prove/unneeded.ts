import { type Direction, parseRuleId, type RuleId, ruleId } from '@sekisho/core'
import type { Decision } from '../decision.ts'
import type { PolicyDocument } from '../documents/document.ts'
import { DIRECTIONS } from '../model/entry.ts'
import { createModel, type Model } from '../model/model.ts'
import { type Piece, pairs, piecesOf } from './pieces.ts'
import { depends, passes, type UnneededProof, type UnneededRule } from './result.ts'
import { type PointClass, Space } from './space.ts'

/** A rule as part of its policy. */
interface Part {
  readonly policy: PolicyDocument
  readonly direction: Direction
  readonly index: number
}

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
  readonly covered = { pairs: 0, pieces: 0 }

  constructor(model: Model, changed: Model) {
    this.#model = model
    this.#changed = changed
    this.#space = new Space(model)
  }

  judge(part: Part): UnneededRule | undefined {
    const rule = ruleId(part.policy.id, part.direction, part.index)
    const subjects = this.#subjects(part)
    if (subjects.length === 0) return { rule, kind: 'unselected', covers: [] }
    this.#changed.update({ policies: { set: [without(part)] } })
    const decided = this.#compare(part, subjects)
    this.#changed.update({ policies: { set: [part.policy] } })
    if (!decided) return undefined
    const kind = decided.has(rule) ? 'redundant' : 'shadowed'
    return { rule, kind, covers: [...decided].filter(by => by !== rule).toSorted() }
  }

  #subjects({ policy }: Part): readonly PointClass[] {
    const { index } = this.#model
    const members = index.bound(policy.id)?.subject.members
    return this.#space.workloads({ kind: 'workloads' }).filter(({ first }) => {
      const entry = first.workload && index.entry(first.workload.id)
      return entry !== undefined && members?.has(entry)
    })
  }

  /** @returns the rules that decide what the part matches, or undefined where its absence changes a verdict. */
  #compare(part: Part, subjects: readonly PointClass[]): ReadonlySet<RuleId> | undefined {
    const decided = new Set<RuleId>()
    for (const piece of this.#pieces(part, subjects)) {
      this.covered.pieces++
      const before = this.#model.decide(piece.query)
      const after = this.#changed.decide(piece.query)
      if (passes(before) !== passes(after) || depends(before) || depends(after)) return undefined
      note(decided, { before, after }, part)
    }
    return decided
  }

  *#pieces({ direction }: Part, subjects: readonly PointClass[]): Generator<Piece> {
    const wanted = new Set(subjects.map(({ first }) => first.workload?.id))
    const anything = { kind: 'anything' } as const
    for (const pair of pairs(this.#model, this.#space, { from: anything, to: anything })) {
      const side = direction === 'egress' ? pair.source : pair.destination
      if (!wanted.has(side.first.workload?.id)) continue
      this.covered.pairs++
      yield* piecesOf(pair, undefined)
    }
  }
}

/** The rule itself where it decides; else what decides in its place, of the same direction and not an isolation. */
function note(
  decided: Set<RuleId>,
  { before, after }: { before: Decision; after: Decision },
  part: Part,
): void {
  const own = ruleId(part.policy.id, part.direction, part.index)
  if (before[part.direction].by !== own) return
  decided.add(own)
  const by = after[part.direction].by
  if (by === undefined || parseRuleId(by)?.index === undefined) return
  decided.add(original(by, part))
}

/** Without the part, the rules after it moved up by one. */
function original(by: RuleId, part: Part): RuleId {
  const name = parseRuleId(by)
  if (name?.index === undefined || name.policy !== part.policy.id || name.direction !== part.direction)
    return by
  return name.index >= part.index ? ruleId(name.policy, name.direction, name.index + 1) : by
}

/** Rules in Enforce that could be removed, each for itself: two that cover each other are both named. */
export function findUnneeded(model: Model): UnneededProof {
  const changed = createModel()
  changed.update(copyOf(model))
  const trial = new Trial(model, changed)
  const enforced = [...model.policies.values()].filter(({ mode }) => mode === 'Enforce')
  const rules = enforced.flatMap(partsOf).flatMap(part => trial.judge(part) ?? [])
  return { kind: 'unneeded', rules, covered: trial.covered }
}

/** Everything a model holds, as one change that makes another like it. */
const copyOf = (model: Model) => ({
  namespaces: { set: [...model.namespaces.values()] },
  nodes: { set: [...model.index.nodes()] },
  workloads: { set: [...model.workloads.values()] },
  policies: { set: [...model.policies.values()] },
})
