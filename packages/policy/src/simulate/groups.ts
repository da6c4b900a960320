import type { Protocol } from '@sekisho/core'
import { type Change, changeOf, type Effect } from './effect.ts'
import { Numbered } from './numbered.ts'
import type { RecordedFlow, SimulationGroup } from './simulate.ts'
import { Tuples } from './tuples.ts'

const RANK: Record<Change, number> = {
  newlyDenied: 0,
  newlyAllowed: 1,
  auditChanged: 2,
  undecided: 3,
  unchanged: 4,
}
const rank = (group: SimulationGroup): number =>
  RANK[changeOf(group.before, group.after)] * 2 + (group.attack ? 1 : 0)

/** A group, and where its names stand among all. */
interface Held {
  readonly rank: number
  readonly source: number
  readonly destination: number
  readonly connections: number
  readonly port: number
  readonly group: SimulationGroup
}

/** Of what is told apart by nothing else, so that the order does not depend on which came first. */
const rest = ({ protocol, before, after, why, by }: SimulationGroup): string =>
  `${protocol} ${before} ${after} ${why} ${by}`

/** What most needs to be seen comes first. */
const order = (a: Held, b: Held): number =>
  a.rank - b.rank ||
  b.connections - a.connections ||
  a.source - b.source ||
  a.destination - b.destination ||
  a.port - b.port ||
  (rest(a.group) < rest(b.group) ? -1 : 1)

/** Where each name stands among all. */
const places = (names: Iterable<string>): ReadonlyMap<string, number> =>
  new Map([...names].toSorted().map((name, at) => [name, at]))

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
    const at = places(this.#names.values)
    const held = this.#groups.map((each, number): Held => {
      const connections = this.#connections[number] ?? 0
      const group = { ...each, connections }
      const source = at.get(each.source) ?? 0
      const destination = at.get(each.destination) ?? 0
      return { rank: rank(group), source, destination, connections, port: each.port, group }
    })
    return held.sort(order).map(({ group }) => group)
  }
}
