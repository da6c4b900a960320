import type { Outcome, Reason, RuleId } from '@sekisho/core'
import type { Judgement } from '../decision.ts'

/** What kind of change it is: there is one count for each. */
export type Change = 'unchanged' | 'newlyDenied' | 'newlyAllowed' | 'auditChanged' | 'undecided'

/** What other policies do to a flow; one object for all of which the same is to be said. */
export interface Effect {
  /** From 1 on. */
  readonly number: number
  readonly change: Change
  readonly before: Outcome
  readonly after: Outcome
  /** Of the decision after; absent where no policy decides any more. */
  readonly by?: RuleId
  readonly why: Reason
}

export function changeOf(before: Outcome, after: Outcome, isOpen = false): Change {
  if (before === after) return 'unchanged'
  if (isOpen) return 'undecided'
  if (after === 'denied') return 'newlyDenied'
  return before === 'denied' ? 'newlyAllowed' : 'auditChanged'
}

/** Nothing is to be said of it, whoever decides. */
export const UNCHANGED: Effect = Object.freeze({
  number: 1,
  change: 'unchanged',
  before: 'allowed',
  after: 'allowed',
  why: 'not-selected',
})

/** All effects that were seen: no more than there are rules, reasons and outcomes. */
export class Effects {
  readonly #all: Effect[] = [UNCHANGED]
  readonly #byRule = new Map<RuleId | undefined, Effect[]>()

  at(number: number): Effect | undefined {
    return this.#all[number - 1]
  }

  of(before: Judgement, after: Judgement): Effect {
    const isOpen = before.decision.inspect !== undefined || after.decision.inspect !== undefined
    const change = changeOf(before.outcome, after.outcome, isOpen)
    if (change === 'unchanged') return UNCHANGED
    const { by, why } = after.decision
    const same = this.#byRule.get(by) ?? []
    for (const effect of same) {
      const isIt =
        effect.change === change &&
        effect.before === before.outcome &&
        effect.after === after.outcome &&
        effect.why === why
      if (isIt) return effect
    }
    const made: Effect = {
      number: this.#all.length + 1,
      change,
      before: before.outcome,
      after: after.outcome,
      ...(by !== undefined && { by }),
      why,
    }
    this.#all.push(made)
    this.#byRule.set(by, [...same, made])
    return made
  }
}
