import type { Flow, FlowEnd } from '@sekisho/core'
import { type Amounts, type Attribution, add, type EdgeEnds, edgeKey, type OpenEdge, toFlow } from './edge.ts'

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
  record(ends: EdgeEnds, attribution: Attribution, amounts: Amounts): void
  /** A denied packet; one more attempt unless its source port is known. */
  attempt(ends: EdgeEnds, attribution: Attribution, packet: { amounts: Amounts; sourcePort: number }): void
  take(): Flow[]
  /** Since the beginning. */
  readonly losses: WindowLosses
}

const unspecified = ({ ip }: FlowEnd): FlowEnd => ({ ip: ip.includes(':') ? '::' : '0.0.0.0' })

/** The edge that stands for "and many others" of one workload: its far end and port are left open. */
function gather(ends: EdgeEnds): EdgeEnds {
  const { source, destination, protocol } = ends
  return source.workload === undefined
    ? { source: unspecified(source), destination, protocol, port: 0 }
    : { source, destination: unspecified(destination), protocol, port: 0 }
}

export function createWindow(capacity: number): Window {
  let edges = new Map<string, OpenEdge>()
  let owned = new Map<string, number>()
  const losses = { gathered: 0, overflowed: 0 }

  function insert(key: string, ends: EdgeEnds, attribution: Attribution): OpenEdge | undefined {
    const owner = ends.source.workload ?? ends.destination.workload ?? ''
    const count = owned.get(owner) ?? 0
    if (edges.size >= capacity) return undefined
    owned.set(owner, count + 1)
    const zero = { connections: 0, packets: 0, bytesToDestination: 0, bytesToSource: 0 }
    const never = { first: Infinity, last: -Infinity } as Pick<Amounts, 'first' | 'last'>
    const edge: OpenEdge = { ends, attribution, amounts: { ...zero, ...never }, attempts: new Set() }
    edges.set(key, edge)
    return edge
  }

  function open(ends: EdgeEnds, attribution: Attribution): OpenEdge | undefined {
    const key = edgeKey(ends, attribution)
    const known = edges.get(key)
    if (known) return known
    const owner = ends.source.workload ?? ends.destination.workload ?? ''
    if ((owned.get(owner) ?? 0) < capacity / SHARE) return insert(key, ends, attribution)
    losses.gathered++
    const many = gather(ends)
    const manyKey = edgeKey(many, attribution)
    return edges.get(manyKey) ?? insert(manyKey, many, attribution)
  }

  function record(ends: EdgeEnds, attribution: Attribution, amounts: Amounts): OpenEdge | undefined {
    const edge = open(ends, attribution)
    if (edge) edge.amounts = add(edge.amounts, amounts)
    else losses.overflowed++
    return edge
  }

  return {
    losses,
    record: (ends, attribution, amounts) => void record(ends, attribution, amounts),
    attempt(ends, attribution, { amounts, sourcePort }) {
      const edge = open(ends, attribution)
      if (!edge) losses.overflowed++
      else {
        const known = edge.attempts.has(sourcePort)
        if (!known && edge.attempts.size < ATTEMPTS_MAX) edge.attempts.add(sourcePort)
        edge.amounts = add(edge.amounts, { ...amounts, connections: known ? 0 : 1 })
      }
    },
    take() {
      const flows = [...edges.values()].map(toFlow)
      edges = new Map()
      owned = new Map()
      return flows
    },
  }
}
