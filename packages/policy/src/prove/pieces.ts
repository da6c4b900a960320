import type { FlowQuery } from '../decision.ts'
import type { Model } from '../model/model.ts'
import type { PortMatch } from '../table.ts'
import { type PortPiece, portPieces } from './cuts.ts'
import type { EndSet } from './ends.ts'
import type { Point, PointClass, Space } from './space.ts'

/** All flows from one class to another on ports that are judged alike, and one of them. */
export interface Piece {
  readonly source: PointClass
  readonly destination: PointClass
  readonly ports: PortPiece
  readonly query: FlowQuery
}

/** What flows a question is about. */
export interface FlowSet {
  readonly from: EndSet
  readonly to: EndSet
  /** Absent means every protocol and port. */
  readonly ports?: readonly PortMatch[]
}

/** Two classes, and a flow between them that policies judge: not to itself, and not from the workload's own node. */
export interface Pair {
  readonly source: PointClass
  readonly destination: PointClass
  readonly ends: readonly [source: Point, destination: Point]
}

function judged(model: Model, source: Point, destination: Point): boolean {
  if (source.workload && source.workload === destination.workload) return false
  if (source.ip && destination.ip && source.ip.family !== destination.ip.family) return false
  const { ip } = source.end
  const node = destination.workload?.node
  return ip === undefined || node === undefined || !model.index.nodeAddresses.has(node, ip)
}

/** The flow that stands for all between two classes; none where nobody judges what is between them. */
export function pair(model: Model, source: PointClass, destination: PointClass): readonly Pair[] {
  for (const a of source.members) {
    for (const b of destination.members) {
      if (judged(model, a, b)) return [{ source, destination, ends: [a, b] }]
    }
  }
  return []
}

/** Which classes a question is about, each as the side it is on: pairs of which neither is meant are left out. */
export interface Meant {
  source(side: PointClass): boolean
  destination(side: PointClass): boolean
}

const EVERY: Meant = { source: () => true, destination: () => true }

/** Every pair of which a policy may judge one end: what is between two others is nobody's to judge here. */
export function* pairs(model: Model, space: Space, { from, to }: FlowSet, meant = EVERY): Generator<Pair> {
  const senders = { workloads: space.workloads(from), nodes: space.nodes(from) }
  const known = [...senders.workloads, ...senders.nodes]
  const judging = space.judgesNodes ? known : senders.workloads
  const isMeant = (source: PointClass) => meant.source(source)
  const [meantKnown, meantJudging] = [known.filter(isMeant), judging.filter(isMeant)]
  for (const destination of space.workloads(to)) {
    const sources = meant.destination(destination)
      ? [...known, ...space.outside(from, destination.cuts.ingress)]
      : meantKnown
    for (const source of sources) yield* pair(model, source, destination)
  }
  for (const destination of space.nodes(to)) {
    const outside = space.judgesNodes ? space.outside(from, destination.cuts.ingress) : []
    const sources = meant.destination(destination) ? [...judging, ...outside] : meantJudging
    for (const source of sources) yield* pair(model, source, destination)
  }
  for (const source of meantJudging) {
    for (const destination of space.outside(to, source.cuts.egress)) yield* pair(model, source, destination)
  }
}

/** The flows of a pair, cut at every port at which a policy of either side may change its mind. */
export function* piecesOf({ source, destination, ends }: Pair, ports: FlowSet['ports']): Generator<Piece> {
  const [a, b] = ends
  const sides = [source.cuts.egress, destination.cuts.ingress]
  for (const piece of portPieces(ports, sides, b.workload?.ports ?? [])) {
    const query = { source: a.end, destination: b.end, protocol: piece.protocol, port: piece.first }
    yield { source, destination, ports: piece, query }
  }
}
