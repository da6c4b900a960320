import {
  contains,
  type Direction,
  type Family,
  formatIp,
  type Ip,
  type IpRange,
  parseIp,
  type Workload,
} from '@sekisho/core'
import type { QueryEnd } from '../decision.ts'
import type { PolicyDocument } from '../documents/document.ts'
import { type Entry, isSelectable } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import type { ModelIndex } from '../model/model-index.ts'
import { bisect } from './bisect.ts'
import { addressPieces, asksForHost, asksForWorld, type Cuts, cutsOf, EVERY_ADDRESS } from './cuts.ts'
import { compileWorkloadSet, type EndSet } from './ends.ts'
import { Taken } from './taken.ts'

/** One end of a flow: an address of a workload or node, or any of a range of outside addresses. */
export interface Point {
  /** As the engine is asked about it; for a range its first address that is nobody's. */
  readonly end: QueryEnd
  readonly workload?: Workload
  /** Absent where a workload's address is not known: it is then of either family, and in no block. */
  readonly ip?: Ip
  readonly range?: IpRange
}

/** Points that no rule tells apart: what one of them may do, all may. Never empty. */
export interface PointClass {
  readonly members: readonly Point[]
  /** What its own policies can tell apart, as the sender and as the receiver. */
  readonly cuts: Readonly<Record<Direction, Cuts>>
  readonly first: Point
}

const NO_CUTS: Cuts = { blocks: [], ports: new Map(), named: false }
const OUTSIDE_CUTS = { ingress: NO_CUTS, egress: NO_CUTS }

const both = (documents: readonly PolicyDocument[]): PointClass['cuts'] => ({
  ingress: cutsOf(documents, ['ingress']),
  egress: cutsOf(documents, ['egress']),
})

const single = (point: Point, cuts: PointClass['cuts']): PointClass => ({
  members: [point],
  first: point,
  cuts,
})

/** What judges a point: its workload, or the host whose address it is. */
export const entryOf = (index: ModelIndex, { workload, end }: Point): Entry | undefined =>
  workload ? index.entry(workload.id) : end.ip === undefined ? undefined : index.hostAddresses.owner(end.ip)

const inRange = (ranges: readonly IpRange[], { ip }: Point): boolean =>
  ip !== undefined && ranges.some(range => contains(range, ip))

/**
 * Everything a flow can start from or go to, cut into classes by whatever the policies of some models can tell apart:
 * selections, blocks, named ports. The models must hold the same workloads and nodes.
 */
export class Space {
  readonly #models: readonly Model[]
  readonly #points: readonly Point[]
  readonly #nodes: readonly PointClass[]
  /** Some policy is about hosts: without one, what is between a node and the outside is nobody's to judge. */
  readonly judgesNodes: boolean
  /** Some rule asks for the own node, so that workloads of two nodes are told apart. */
  readonly #byNode: boolean
  /** Some rule asks for the world, so that an external machine is told from a pod that the same selectors select. */
  readonly #byWorld: boolean
  readonly #taken: Taken
  readonly #blocks: Readonly<Record<Family, readonly bigint[]>>
  readonly #ids = new Map<unknown, number>()
  readonly #cuts = new Map<string, PointClass['cuts']>()

  constructor(model: Model, ...others: readonly Model[]) {
    this.#models = [model, ...others]
    const { index } = model
    this.#points = [...index.entries()].flatMap(entry => points(model, entry))
    const nodes = [...new Set(index.nodeAddresses.all())]
    const documents = this.#models.flatMap(each => [...each.policies.values()])
    const aboutHosts = documents.filter(({ subject }) => subject.kind === 'hosts')
    this.judgesNodes = aboutHosts.length > 0
    this.#byNode = documents.some(asksForHost)
    this.#byWorld = documents.some(asksForWorld)
    const cuts = both(aboutHosts)
    const unowned = nodes.filter(text => !index.addresses.owner(text))
    this.#nodes = unowned.flatMap(text => {
      const ip = parseIp(text)
      return ip ? [single({ end: { ip: text }, ip }, cuts)] : []
    })
    const owned = this.#points.flatMap(({ end }) => end.ip ?? [])
    this.#taken = new Taken([...owned, ...nodes])
    const starts = addressPieces(EVERY_ADDRESS, cutsOf(documents, ['ingress', 'egress']).blocks)
    const of = (family: Family) => starts.filter(piece => piece.family === family).map(piece => piece.first)
    this.#blocks = { 4: of(4), 6: of(6) }
  }

  /** Workloads of a set, in classes. */
  workloads(set: EndSet): readonly PointClass[] {
    const classes = new Map<string, Point[]>()
    for (const point of this.#workloadPoints(set)) {
      const key = this.#key(point)
      const held = classes.get(key)
      if (held) held.push(point)
      else classes.set(key, [point])
    }
    return [...classes.values()].flatMap(members => {
      const [first] = members
      return first ? [{ members, first, cuts: this.#cutsOf(first) }] : []
    })
  }

  nodes(set: EndSet): readonly PointClass[] {
    if (set.kind === 'anything' || set.kind === 'nodes') return this.#nodes
    return set.kind === 'addresses' ? this.#nodes.filter(node => inRange(set.ranges, node.first)) : []
  }

  /** Outside addresses of a set, cut by what the other end's policies can tell apart. */
  outside(set: EndSet, { blocks }: Cuts): readonly PointClass[] {
    if (set.kind === 'workloads' || set.kind === 'nodes') return []
    const ranges = set.kind === 'addresses' ? set.ranges : EVERY_ADDRESS
    return addressPieces(ranges, blocks).flatMap(range => {
      const ip = this.#taken.firstFree(range)
      return ip ? [single({ end: { ip: formatIp(ip) }, ip, range }, OUTSIDE_CUTS)] : []
    })
  }

  #workloadPoints(set: EndSet): readonly Point[] {
    switch (set.kind) {
      case 'outside':
      case 'nodes':
        return []
      case 'anything':
        return this.#points
      case 'addresses':
        return this.#points.filter(point => inRange(set.ranges, point))
      case 'workloads': {
        const matches = compileWorkloadSet(set)
        const [model] = this.#models
        return this.#points.filter(
          ({ workload }) =>
            workload && matches(workload, model?.index.entry(workload.id)?.namespace.namespace),
        )
      }
    }
  }

  #id(thing: unknown): number {
    const id = this.#ids.get(thing) ?? this.#ids.size
    this.#ids.set(thing, id)
    return id
  }

  /** Equal for points that no rule of any model tells apart. */
  #key({ workload, ip }: Point): string {
    if (!workload) return ''
    const selections = this.#models.flatMap(({ index }) => [...(index.entry(workload.id)?.selections ?? [])])
    const ids = selections.map(selection => this.#id(selection)).toSorted((a, b) => a - b)
    const ports = workload.ports.map(({ name, protocol, port }) => `${name} ${protocol} ${port}`)
    return `${ids.join()}|${workload.protection ?? 'on'}|${ports.join()}|${this.#place(workload, ip)}`
  }

  /** Where it is, as far as a rule may ask. */
  #place({ node, kind }: Workload, ip: Ip | undefined): string {
    const text = ip && formatIp(ip)
    return [
      this.#byNode && node,
      this.#byWorld && kind === 'external',
      ip && `${ip.family} ${this.#piece(ip)}`,
      // A machine that is told to have a node's address is that node as well.
      text !== undefined && this.#models[0]?.index.nodeAddresses.hasAny(text) && text,
    ].join()
  }

  /** Which piece between the ends of all blocks an address lies in. */
  #piece({ family, value }: Ip): number {
    const starts = this.#blocks[family]
    return bisect(starts.length, at => (starts[at] ?? 0n) <= value)
  }

  #cutsOf({ workload }: Point): PointClass['cuts'] {
    if (!workload) return OUTSIDE_CUTS
    const documents = this.#models.flatMap(model => model.selecting(workload.id).map(({ policy }) => policy))
    const key = documents.map(document => this.#id(document)).join()
    const held = this.#cuts.get(key)
    if (held) return held
    const made = both(documents)
    this.#cuts.set(key, made)
    return made
  }
}

/** A point for each address that is a workload's own; one without address where none is known. */
function points(model: Model, entry: Entry): readonly Point[] {
  const { workload } = entry
  if (!isSelectable(workload) || workload.state === 'finished') return []
  if (entry.ends.length === 0) return [{ end: { workload: workload.id }, workload }]
  return model.index.addresses.owned(entry).flatMap(text => {
    const ip = entry.endAt(text)?.ip
    return ip ? [{ end: { workload: workload.id, ip: text }, workload, ip }] : []
  })
}
