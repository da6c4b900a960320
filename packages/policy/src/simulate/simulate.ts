import type { EpochMs, Outcome, Protocol, Reason, RuleId } from '@sekisho/core'
import type { FlowQuery } from '../decision.ts'
import type { Model } from '../model/model.ts'
import { changeOf, type Effect } from './effect.ts'
import { Groups } from './groups.ts'
import { Replay } from './replay.ts'

/** A recorded flow to be judged again. The caller names the groups, and says whether it was part of an attack. */
export interface RecordedFlow {
  readonly query: FlowQuery
  /** How the ends are grouped in the result, for example `namespace/owner` or an address. */
  readonly source: string
  readonly destination: string
  readonly connections: number
  readonly first: EpochMs
  readonly last: EpochMs
  readonly attack: boolean
}

/** All recorded flows of one edge that change in the same way for the same reason. */
export interface SimulationGroup {
  readonly source: string
  readonly destination: string
  readonly protocol: Protocol
  readonly port: number
  readonly before: Outcome
  readonly after: Outcome
  /** Of the decision after; absent where no policy decides any more. */
  readonly by?: RuleId
  readonly why: Reason
  readonly connections: number
  readonly attack: boolean
}

/** Counts are conversations, not records. */
export interface SimulationResult {
  readonly flows: number
  readonly unchanged: number
  /** Passed before, denied after. */
  readonly newlyDenied: number
  /** Denied before, passes after. */
  readonly newlyAllowed: number
  /** Of `newlyDenied`: parts of attacks, and all others. */
  readonly attacksDenied: number
  readonly legitimateBroken: number
  /** Passes before and after, but reported by a policy in Audit on one side only. */
  readonly auditChanged: number
  /** Policies ask for more than is known of them, such as their requests, and may judge them otherwise. */
  readonly undecided: number
  readonly since?: EpochMs
  readonly until?: EpochMs
  /** What changes, broken legitimate traffic first. */
  readonly groups: readonly SimulationGroup[]
}

class Tally {
  readonly groups = new Groups()
  unchanged = 0
  undecided = 0
  first: EpochMs | undefined
  last: EpochMs | undefined

  readonly add = (flow: RecordedFlow, effect: Effect): void => {
    const { connections, first, last } = flow
    if (this.first === undefined || first < this.first) this.first = first
    if (this.last === undefined || last > this.last) this.last = last
    if (effect.change === 'unchanged') this.unchanged += connections
    else if (effect.change === 'undecided') this.undecided += connections
    else this.groups.add(flow, effect)
  }
}

/** How many flows are judged together. */
const PART = 256

/** A list is the same however it is read; with others, what is read next may change the models. */
function* inParts<T>(all: Iterable<T>): Iterable<readonly T[]> {
  if (!Array.isArray(all)) for (const each of all) yield [each]
  else for (let at = 0; at < all.length; at += PART) yield all.slice(at, at + PART)
}

/** The counts that the groups hold. */
function changesIn(groups: readonly SimulationGroup[]) {
  const counts = { newlyDenied: 0, newlyAllowed: 0, auditChanged: 0, attacksDenied: 0 }
  for (const { before, after, connections, attack } of groups) {
    const change = changeOf(before, after)
    if (change === 'unchanged' || change === 'undecided') continue
    counts[change] += connections
    if (change === 'newlyDenied' && attack) counts.attacksDenied += connections
  }
  return counts
}

/** Judges recorded flows by two models. Reads the flows once, as they come; memory grows with the groups that change. */
export function simulate(input: {
  readonly flows: Iterable<RecordedFlow>
  readonly before: Model
  readonly after: Model
}): SimulationResult {
  const { flows, before, after } = input
  const replay = new Replay({ before: before.index, after: after.index })
  const tally = new Tally()
  for (const part of inParts(flows)) replay.judge(part, tally.add)
  const { unchanged, undecided, first, last } = tally
  const groups = tally.groups.sorted()
  const { attacksDenied, ...changed } = changesIn(groups)
  const { newlyDenied, newlyAllowed, auditChanged } = changed
  return {
    flows: unchanged + undecided + newlyDenied + newlyAllowed + auditChanged,
    unchanged,
    undecided,
    ...changed,
    attacksDenied,
    legitimateBroken: newlyDenied - attacksDenied,
    ...(first !== undefined && { since: first }),
    ...(last !== undefined && { until: last }),
    groups,
  }
}
