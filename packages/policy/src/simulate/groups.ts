import type { Protocol } from '@sekisho/core'
import { type Change, changeOf, type Effect } from './effect.ts'
import { Numbered } from './numbered.ts'
import type { RecordedFlow, SimulationGroup } from './simulate.ts'
import { Tuples } from './tuples.ts'

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

/** How many ports share one number with what else there is. */
const PORTS = 2 ** 16

/** Changes by what they have in common. Found by numbers: to write a key for each flow takes longer than to judge it. */
export class Groups {
  readonly #names = new Numbered<string>()
  readonly #protocols = new Numbered<Protocol>()
  /** Of ports that are no number of 16 bits. */
  readonly #odd = new Numbered<string>()
  readonly #tuples = new Tuples()
  readonly #groups: Omit<SimulationGroup, 'connections'>[] = []
  readonly #connections: number[] = []

  add(flow: RecordedFlow, effect: Effect): void {
    const source = this.#names.of(flow.source)
    const destination = this.#names.of(flow.destination)
    const at = this.#tuples.of(source, destination, this.#about(flow), effect.number)
    if (at === this.#groups.length) this.#add(flow, effect)
    this.#connections[at] = (this.#connections[at] ?? 0) + flow.connections
  }

  #about({ query: { protocol, port }, attack }: RecordedFlow): number {
    if ((port & (PORTS - 1)) !== port) return -1 - this.#odd.of(`${protocol} ${port} ${attack}`)
    return (this.#protocols.of(protocol) * 2 + (attack ? 1 : 0)) * PORTS + port
  }

  #add({ source, destination, query, attack }: RecordedFlow, { before, after, by, why }: Effect): void {
    const { protocol, port } = query
    const decided = { before, after, ...(by !== undefined && { by }), why }
    this.#groups.push({ source, destination, protocol, port, ...decided, attack })
  }

  /** What most needs to be seen comes first. */
  sorted(): readonly SimulationGroup[] {
    const held = this.#groups.map((each, at): Held => {
      const group = { ...each, connections: this.#connections[at] ?? 0 }
      return [groupKey(group), group]
    })
    return held.toSorted(order).map(([, group]) => group)
  }
}
