import type { Direction } from '@sekisho/core'
import type { Decision } from '../decision.ts'
import type { PolicyDocument } from '../documents/document.ts'
import type { PolicySet } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import type { EndSet } from './ends.ts'
import type { FlowSet, Meant, Pair, Piece } from './pieces.ts'
import { witness } from './reach.ts'
import { type Certainty, type Difference, type DifferenceProof, depends, passes } from './result.ts'
import { entryOf, type PointClass, Space } from './space.ts'
import { Survey, type SurveyOptions } from './survey.ts'

export interface CompareQuery extends Partial<FlowSet>, SurveyOptions {
  readonly policies?: PolicySet
}

export interface DifferenceQuery extends CompareQuery {
  /** `opened` looks only for flows that are denied before and pass after, `closed` for the opposite. */
  readonly change?: Change | 'any'
  /** How many differences to collect, one for each pair of classes; 10 unless given. */
  readonly limit?: number
}

export type Change = 'opened' | 'closed'

/** All flows that both policy sets judge as they judge this one. */
export interface Compared {
  readonly piece: Piece
  readonly before: Decision
  readonly after: Decision
}

const ANYTHING: EndSet = { kind: 'anything' }

/** What other documents judge before and after. */
class Changes implements Meant {
  readonly #models: readonly [before: Model, after: Model]
  readonly #texts = new WeakMap<PolicyDocument, string>()
  readonly #known = new WeakMap<PointClass, Map<Direction, boolean>>()

  constructor(before: Model, after: Model) {
    this.#models = [before, after]
  }

  source(side: PointClass): boolean {
    return this.#differ(side, 'egress')
  }

  destination(side: PointClass): boolean {
    return this.#differ(side, 'ingress')
  }

  #differ(side: PointClass, direction: Direction): boolean {
    const known = this.#known.get(side) ?? new Map<Direction, boolean>()
    this.#known.set(side, known)
    const held = known.get(direction)
    if (held !== undefined) return held
    const [before, after] = this.#models.map(model => this.#judges(model, side, direction))
    known.set(direction, before !== after)
    return before !== after
  }

  /** What judges it, as text; a rule whose time is over in one of the models only makes a difference too. */
  #judges({ index }: Model, { first }: PointClass, direction: Direction): string {
    const entry = entryOf(index, first)
    const sections = (entry ? index.policiesOf(entry) : []).flatMap(
      ({ sections }) => sections[direction] ?? [],
    )
    return sections
      .map(({ policy, expired }) => `${this.#text(policy)} ${expired.map(({ id }) => id).join()}`)
      .join('\n')
  }

  #text(document: PolicyDocument): string {
    const held = this.#texts.get(document)
    if (held !== undefined) return held
    const { source: _, ...meaning } = document
    const text = JSON.stringify(meaning, (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    )
    this.#texts.set(document, text)
    return text
  }
}

/** Two policy sets on the same workloads, side by side. */
class Comparison {
  readonly survey: Survey
  readonly #before: Model
  readonly #after: Model
  readonly #query: CompareQuery

  constructor(before: Model, after: Model, query: CompareQuery) {
    this.#before = before
    this.#after = after
    this.#query = query
    this.survey = new Survey(query)
  }

  pairs(meant?: Meant): Generator<Pair> {
    const { from = ANYTHING, to = ANYTHING } = this.#query
    return this.survey.pairs(this.#before, new Space(this.#before, this.#after), { from, to }, meant)
  }

  *pieces(pair: Pair): Generator<Compared> {
    const { ports, policies = 'enforce' } = this.#query
    for (const piece of this.survey.pieces(pair, ports)) {
      const before = this.#before.decide(piece.query, policies)
      yield { piece, before, after: this.#after.decide(piece.query, policies) }
    }
  }
}

/** Every flow, one for each that no rule of either set tells apart, as both judge it. */
export function* compareFlows(before: Model, after: Model, query: CompareQuery = {}): Generator<Compared> {
  const comparison = new Comparison(before, after, query)
  for (const pair of comparison.pairs()) yield* comparison.pieces(pair)
}

/** Whether and how surely a flow is judged otherwise, as far as it is asked for. */
function differs({ before, after }: Compared, change: Change | 'any'): Certainty | undefined {
  if (depends(before) || depends(after)) return 'can'
  if (passes(before) === passes(after)) return undefined
  return change === 'any' || (change === 'opened') === passes(after) ? 'sure' : undefined
}

/** Flows that two policy sets judge differently; none means that they are equivalent for these workloads. */
export function proveDifference(before: Model, after: Model, query: DifferenceQuery = {}): DifferenceProof {
  const { limit = 10, change = 'any' } = query
  const comparison = new Comparison(before, after, query)
  const find = (pair: Pair): Difference | undefined => {
    let possible: Difference | undefined
    for (const compared of comparison.pieces(pair)) {
      const certainty = differs(compared, change)
      if (!certainty) continue
      const { piece, before: first, after: second } = compared
      const found = { ...witness(piece, first), after: second, certainty }
      if (certainty === 'sure') return found
      possible ??= found
    }
    return possible
  }
  const differences: Difference[] = []
  // Where the same documents judge both sides nothing can differ, and nothing needs to be asked.
  for (const pair of comparison.pairs(new Changes(before, after))) {
    const difference = find(pair)
    if (difference) differences.push(difference)
    if (differences.length >= limit) break
  }
  const { covered } = comparison.survey
  return { kind: 'difference', equivalent: differences.length === 0, differences, covered }
}
