import type { EpochMs, Outcome, Protocol, Reason, RuleId } from '@sekisho/core'
import type { FlowQuery, Judgement } from './decision.ts'
import type { Model } from './model/model.ts'

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
  /** Of the decision after; of the one before where nothing decides any more. */
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

/** One count per kind of change; which kind a pair of outcomes is. */
type Change = 'unchanged' | 'newlyDenied' | 'newlyAllowed' | 'auditChanged' | 'undecided'

function changeOf(before: Outcome, after: Outcome, isOpen = false): Change {
  if (before === after) return 'unchanged'
  if (isOpen) return 'undecided'
  if (after === 'denied') return 'newlyDenied'
  return before === 'denied' ? 'newlyAllowed' : 'auditChanged'
}

/** Lengths keep names apart, whatever they hold. */
const groupKey = ({
  source,
  destination,
  protocol,
  port,
  before,
  after,
  by,
  why,
  attack,
}: SimulationGroup): string =>
  `${source.length} ${source}${destination.length} ${destination}${protocol} ${port} ${before} ${after} ${why} ${attack} ${by}`

const RANK: Record<Change, number> = {
  newlyDenied: 0,
  newlyAllowed: 1,
  auditChanged: 2,
  undecided: 3,
  unchanged: 4,
}
const rank = (group: SimulationGroup): number =>
  RANK[changeOf(group.before, group.after)] * 2 + (group.attack ? 1 : 0)

type Held = readonly [key: string, group: SimulationGroup]

/** What most needs to be seen comes first. */
const order = ([keyA, a]: Held, [keyB, b]: Held): number =>
  rank(a) - rank(b) || b.connections - a.connections || (keyA < keyB ? -1 : 1)

/** A group that is being counted, and the next one of the same hash. */
interface Counted extends SimulationGroup {
  connections: number
  readonly next: Counted | undefined
}

/** Numbers for texts, the same for equal ones. */
class Numbered {
  readonly #numbers = new Map<string | undefined, number>()

  of(text: string | undefined): number {
    const held = this.#numbers.get(text)
    if (held !== undefined) return held
    this.#numbers.set(text, this.#numbers.size)
    return this.#numbers.size - 1
  }
}

/** Changes by what they have in common. Found by numbers: to write a key for each flow takes longer than to judge it. */
class Groups {
  readonly #numbers = new Numbered()
  readonly #byHash = new Map<number, Counted>()

  add(flow: RecordedFlow, before: Judgement, after: Judgement): void {
    const { source, destination, query, connections, attack } = flow
    const { protocol, port } = query
    const { by, why } = after.decision
    const names = Math.imul(this.#numbers.of(source), 0x9e3779b1) + this.#numbers.of(destination)
    const hash = Math.imul(Math.imul(names, 0x85ebca6b) + this.#numbers.of(by), 0xc2b2ae35) + port
    const first = this.#byHash.get(hash)
    for (let group = first; group; group = group.next) {
      const isSame =
        group.source === source &&
        group.destination === destination &&
        group.protocol === protocol &&
        group.port === port &&
        group.before === before.outcome &&
        group.after === after.outcome &&
        group.by === by &&
        group.why === why &&
        group.attack === attack
      if (!isSame) continue
      group.connections += connections
      return
    }
    this.#byHash.set(hash, {
      source,
      destination,
      protocol,
      port,
      before: before.outcome,
      after: after.outcome,
      ...(by !== undefined && { by }),
      why,
      connections,
      attack,
      next: first,
    })
  }

  /** What most needs to be seen comes first. */
  sorted(): readonly SimulationGroup[] {
    const held: Held[] = []
    for (const first of this.#byHash.values()) {
      for (let counted: Counted | undefined = first; counted; counted = counted.next) {
        const { next: _, ...group } = counted
        held.push([groupKey(group), group])
      }
    }
    return held.toSorted(order).map(([, group]) => group)
  }
}

class Tally {
  readonly counts: Record<Change, number> = {
    unchanged: 0,
    newlyDenied: 0,
    newlyAllowed: 0,
    auditChanged: 0,
    undecided: 0,
  }
  readonly groups = new Groups()
  attacksDenied = 0
  first: EpochMs | undefined
  last: EpochMs | undefined

  add(flow: RecordedFlow, before: Judgement, after: Judgement): void {
    const isOpen = before.decision.inspect !== undefined || after.decision.inspect !== undefined
    const change = changeOf(before.outcome, after.outcome, isOpen)
    this.#count(flow, change)
    if (change === 'unchanged' || change === 'undecided') return
    if (change === 'newlyDenied' && flow.attack) this.attacksDenied += flow.connections
    this.groups.add(flow, before, after)
  }

  #count({ connections, first, last }: RecordedFlow, change: Change): void {
    this.counts[change] += connections
    if (this.first === undefined || first < this.first) this.first = first
    if (this.last === undefined || last > this.last) this.last = last
  }
}

/** Judges recorded flows by two models. Reads the flows once, as they come; memory grows with the groups that change. */
export function simulate(input: {
  readonly flows: Iterable<RecordedFlow>
  readonly before: Model
  readonly after: Model
}): SimulationResult {
  const { flows, before, after } = input
  const tally = new Tally()
  for (const flow of flows) tally.add(flow, before.judge(flow.query), after.judge(flow.query))
  const { counts, attacksDenied, first, last } = tally
  return {
    flows: Object.values(counts).reduce((a, b) => a + b, 0),
    ...counts,
    attacksDenied,
    legitimateBroken: counts.newlyDenied - attacksDenied,
    ...(first !== undefined && { since: first }),
    ...(last !== undefined && { until: last }),
    groups: tally.groups.sorted(),
  }
}
