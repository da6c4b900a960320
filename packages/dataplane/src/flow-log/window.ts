import type { CountedRequest, Flow, FlowDetail, FlowEnd } from '@sekisho/core'
import {
  type Amounts,
  add,
  addDetail,
  addRequests,
  type Edge,
  type EdgeEnds,
  edgeOf,
  merge,
  type OpenEdge,
  openEdge,
  type Span,
  toFlow,
} from './edge.ts'

/** A share of the window that one workload's edges may take, so that one scan cannot hide everybody else. */
const SHARE = 8
/** Attempts told apart by source port on one edge and window; more are counted each. */
const ATTEMPTS_MAX = 256

export interface WindowLosses {
  /** Observations put together under an unspecified address, because one workload had too many edges. */
  readonly gathered: number
  /** Observations not recorded at all, because the window was full. */
  readonly overflowed: number
}

/** The edges seen since the last `take`, bounded. */
export interface Window {
  record(edge: Edge, amounts: Amounts, span: Span): void
  /** A denied packet; one more attempt unless its source port is known. */
  attempt(edge: Edge, sourcePort: number, span: Span): void
  /** Requests of conversations that are counted by themselves. */
  requests(edge: Edge, requests: CountedRequest, span: Span): void
  /** What was said in conversations that are counted by themselves. */
  detail(edge: Edge, detail: FlowDetail, span: Span): void
  /** @param settle what an edge turned out to be since it was recorded; those that are one after all become one. */
  take(settle?: (open: OpenEdge) => OpenEdge): Flow[]
  /** Since the beginning. */
  readonly losses: WindowLosses
}

const unspecified = ({ ip }: FlowEnd): FlowEnd => ({ ip: ip.includes(':') ? '::' : '0.0.0.0' })

/** Who is answerable for the number of edges. */
const ownerOf = ({ source, destination }: EdgeEnds): string => source.workload ?? destination.workload ?? ''

/** The edge that stands for "and many others" of one workload: its far end and port are left open. */
function gather({ ends, attribution }: Edge): Edge {
  const { source, destination, protocol } = ends
  const open =
    source.workload === undefined
      ? { source: unspecified(source), destination, protocol, port: 0 }
      : { source, destination: unspecified(destination), protocol, port: 0 }
  return edgeOf(open, attribution)
}

const ATTEMPT: Amounts = { connections: 1, packets: 1, bytesToDestination: 0, bytesToSource: 0 }
const REPEATED: Amounts = { ...ATTEMPT, connections: 0 }

const NOTHING: Amounts = { connections: 0, packets: 0, bytesToDestination: 0, bytesToSource: 0 }

const same = (open: OpenEdge): OpenEdge => open

function joined(opens: readonly OpenEdge[]): readonly OpenEdge[] {
  const byKey = new Map<string, OpenEdge>()
  for (const open of opens) {
    const known = byKey.get(open.edge.key)
    if (known) merge(known, open)
    else byKey.set(open.edge.key, open)
  }
  return [...byKey.values()]
}

export function createWindow(capacity: number): Window {
  let edges = new Map<string, OpenEdge>()
  let owned = new Map<string, number>()
  const losses = { gathered: 0, overflowed: 0 }

  function insert(edge: Edge, span: Span): OpenEdge | undefined {
    if (edges.size >= capacity) {
      losses.overflowed++
      return undefined
    }
    const owner = ownerOf(edge.ends)
    owned.set(owner, (owned.get(owner) ?? 0) + 1)
    const open = openEdge(edge, span)
    edges.set(edge.key, open)
    return open
  }

  function open(edge: Edge, span: Span): OpenEdge | undefined {
    const known = edges.get(edge.key)
    if (known) return known
    if ((owned.get(ownerOf(edge.ends)) ?? 0) < capacity / SHARE) return insert(edge, span)
    losses.gathered++
    const many = gather(edge)
    return edges.get(many.key) ?? insert(many, span)
  }

  return {
    losses,
    record(edge, amounts, span) {
      const to = open(edge, span)
      if (to) add(to, amounts, span)
    },
    attempt(edge, sourcePort, span) {
      const to = open(edge, span)
      if (!to) return
      const known = to.attempts.has(sourcePort)
      if (!known && to.attempts.size < ATTEMPTS_MAX) to.attempts.add(sourcePort)
      add(to, known ? REPEATED : ATTEMPT, span)
    },
    requests(edge, { name, count }, span) {
      const to = open(edge, span)
      if (!to) return
      add(to, NOTHING, span)
      addRequests(to, name, count)
    },
    detail(edge, detail, span) {
      const to = open(edge, span)
      if (!to) return
      add(to, NOTHING, span)
      addDetail(to, detail)
    },
    take(settle = same) {
      const settled = joined([...edges.values()].map(settle))
      edges = new Map()
      owned = new Map()
      return settled.map(toFlow)
    },
  }
}
