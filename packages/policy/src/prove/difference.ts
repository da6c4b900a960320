import type { Direction } from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import type { PolicySet } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import type { EndSet } from './ends.ts'
import { type FlowSet, type Pair, pairs, piecesOf } from './pieces.ts'
import { witness } from './reach.ts'
import { type Difference, type DifferenceProof, depends, passes } from './result.ts'
import { type PointClass, Space } from './space.ts'

export interface DifferenceQuery extends Partial<FlowSet> {
  readonly policies?: PolicySet
  /** How many differences to collect, one for each pair of classes; 10 unless given. */
  readonly limit?: number
}

const ANYTHING: EndSet = { kind: 'anything' }

/** Whether a policy may judge otherwise in another model: it is not there, or it says something else. */
class Changes {
  readonly #models: readonly [before: Model, after: Model]
  readonly #texts = new WeakMap<PolicyDocument, string>()
  readonly #known = new WeakMap<PointClass, Map<Direction, boolean>>()

  constructor(before: Model, after: Model) {
    this.#models = [before, after]
  }

  /** Other documents judge this class in this direction before and after. */
  differ(side: PointClass, direction: Direction): boolean {
    const known = this.#known.get(side) ?? new Map<Direction, boolean>()
    this.#known.set(side, known)
    const held = known.get(direction)
    if (held !== undefined) return held
    const [before, after] = this.#models.map(model => this.#judges(model, side, direction))
    known.set(direction, before !== after)
    return before !== after
  }

  #judges(model: Model, { first: { workload } }: PointClass, direction: Direction): string {
    if (!workload) return ''
    const documents = model.selecting(workload.id).filter(each => each[direction])
    return documents.map(({ policy }) => this.#text(policy)).join('\n')
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

/** Flows that two policy sets judge differently; none means that they are equivalent for these workloads. */
export function proveDifference(before: Model, after: Model, query: DifferenceQuery = {}): DifferenceProof {
  const { from = ANYTHING, to = ANYTHING, limit = 10, policies = 'enforce' } = query
  const space = new Space(before, after)
  const changes = new Changes(before, after)
  const covered = { pairs: 0, pieces: 0 }
  const differences: Difference[] = []
  const compare = (pair: Pair): Difference | undefined => {
    // The same documents judge both sides: nothing can differ, and nothing needs to be asked.
    if (!changes.differ(pair.source, 'egress') && !changes.differ(pair.destination, 'ingress'))
      return undefined
    for (const piece of piecesOf(pair, query.ports)) {
      covered.pieces++
      const first = before.decide(piece.query, policies)
      const second = after.decide(piece.query, policies)
      if (passes(first) !== passes(second) || depends(first) || depends(second))
        return { ...witness(piece, first), after: second }
    }
    return undefined
  }
  for (const pair of pairs(before, space, { from, to })) {
    covered.pairs++
    const difference = compare(pair)
    if (difference) differences.push(difference)
    if (differences.length >= limit) break
  }
  return { kind: 'difference', equivalent: differences.length === 0, differences, covered }
}
