import type { FlowQuery } from '../decision.ts'
import type { ModelIndex } from '../model/model-index.ts'
import { judgeQuickly, judgeStrangers } from '../model/quick.ts'
import { type Effect, Effects, UNCHANGED } from './effect.ts'
import { Memo } from './memo.ts'
import { Numbered } from './numbered.ts'
import { type Twin, Twins, type Versions } from './twins.ts'

/** How many of each share one number with a port. */
const PORTS = 2 ** 16
const PROTOCOLS = 2 ** 5
const APPLICATIONS = 2 ** 10

interface Asked {
  readonly query: FlowQuery
}

/**
 * What becomes of flows when one model takes the place of another. Both are asked, but where the answer is known: all
 * that the verdict depends on is the same in both, or the same was asked before of ends of the same kinds.
 */
export class Replay {
  readonly #models: Versions<ModelIndex>
  readonly #effects = new Effects()
  readonly #memo = new Memo()
  readonly #protocols = new Numbered<FlowQuery['protocol']>()
  readonly #applications = new Numbered<unknown>()
  /** Of the flows that are judged now: source and destination of each in turn. */
  readonly #ends: Twin[] = []
  #twins: Twins
  #revisions: Versions<number>

  constructor(models: Versions<ModelIndex>) {
    this.#models = models
    this.#twins = new Twins(models)
    this.#revisions = { before: models.before.revision, after: models.after.revision }
  }

  /** All ends are found before any flow is judged: what is far away is waited for together. */
  judge<T extends Asked>(flows: readonly T[], then: (flow: T, effect: Effect) => void): void {
    this.#catchUp()
    this.#find(flows)
    let at = 0
    for (const flow of flows) {
      then(flow, this.#effectOn(flow.query, this.#found(at), this.#found(at + 1)))
      at += 2
    }
  }

  #find(flows: readonly Asked[]): void {
    let at = 0
    for (const { query } of flows) {
      this.#ends[at++] = this.#twins.find(query.source)
      this.#ends[at++] = this.#twins.find(query.destination)
    }
  }

  #found(at: number): Twin {
    return this.#ends[at] as Twin // as `#find` has put it there
  }

  #effectOn(query: FlowQuery, first: Twin, second: Twin): Effect {
    const twins = this.#twins
    if (query.source.ip === undefined) return this.#effect(query, twins.facing(first, second), second)
    if (query.destination.ip === undefined) return this.#effect(query, first, twins.facing(second, first))
    return this.#effect(query, first, second)
  }

  /** Models may change while flows are read: a workload of a record is recalled. */
  #catchUp(): void {
    const { before, after } = this.#models
    const seen = this.#revisions
    const isSame = before.revision === seen.before && after.revision === seen.after
    if (isSame && !this.#twins.isFull) return
    this.#revisions = { before: before.revision, after: after.revision }
    this.#twins = new Twins(this.#models)
    this.#memo.clear()
  }

  #effect(query: FlowQuery, source: Twin, destination: Twin): Effect {
    const twins = this.#twins
    if (twins.areAlike(source, destination)) return UNCHANGED
    const about = twins.areOfKinds(source, destination) ? this.#about(query) : undefined
    if (about === undefined) return this.#judge(query, source, destination)
    const from = twins.kind(source)
    const to = twins.kind(destination)
    const held = this.#effects.at(this.#memo.get(from, to, about))
    if (held) return held
    const effect = this.#judgeKinds(query, from, to)
    this.#memo.set(from, to, about, effect.number)
    return effect
  }

  /** One number for all that is asked but the ends; undefined where there is more to it. */
  #about({ protocol, port, facts }: FlowQuery): number | undefined {
    if (facts?.names || facts?.request) return undefined
    const named = this.#protocols.of(protocol)
    const spoken = facts?.application === undefined ? 0 : 1 + this.#applications.of(facts.application)
    const isNumber = named < PROTOCOLS && spoken < APPLICATIONS && (port & (PORTS - 1)) === port
    return isNumber ? (spoken * PROTOCOLS + named) * PORTS + port : undefined
  }

  #judgeKinds(query: FlowQuery, from: number, to: number): Effect {
    const { before, after } = this.#models
    const twins = this.#twins
    return this.#effects.of(
      judgeStrangers(before, query, twins.placeBefore(from), twins.placeBefore(to)),
      judgeStrangers(after, query, twins.placeAfter(from), twins.placeAfter(to)),
    )
  }

  #judge(query: FlowQuery, source: Twin, destination: Twin): Effect {
    const { before, after } = this.#models
    const from = this.#twins.ends(source)
    const to = this.#twins.ends(destination)
    return this.#effects.of(
      judgeQuickly(before, query, { source: from.before, destination: to.before }),
      judgeQuickly(after, query, { source: from.after, destination: to.after }),
    )
  }
}
