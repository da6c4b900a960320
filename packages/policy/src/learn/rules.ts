import { type Direction, LIMITS } from '@sekisho/core'
import { addSeen, confidence, exactSpans, type PortSpan, type Seen, spanText } from './evidence.ts'
import type { LearnedRule } from './flow.ts'
import type { Evidence, LearnPeer } from './peers.ts'

/** A rule and its evidence, before its policy has a name. */
export interface DraftRule {
  readonly json: Readonly<Record<string, unknown>>
  readonly evidence: Omit<LearnedRule, 'rule'>
}

function portJson({ protocol, first, last }: PortSpan): Readonly<Record<string, unknown>> {
  return { protocol, port: first, ...(last !== first && { endPort: last }) }
}

interface Alike {
  readonly peers: readonly LearnPeer[]
  readonly spans: readonly PortSpan[]
  readonly seen: Seen
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  )
}

/** A rule holds no more peers and ports than a document may. */
const bounded = ({ peers, spans, seen }: Alike): readonly Alike[] =>
  chunks(peers, LIMITS.peersPerRule.value).flatMap(some =>
    chunks(spans, LIMITS.portsPerRule.value).map(ports => ({ peers: some, spans: ports, seen })),
  )

function draft({ peers, spans, seen }: Alike, direction: Direction): DraftRule {
  const side = direction === 'ingress' ? 'from' : 'to'
  return {
    json: { [side]: peers.map(peer => peer.json), ports: spans.map(portJson) },
    evidence: {
      peers: peers.map(peer => peer.name),
      ports: spans.map(spanText),
      ...(seen.applications.length > 0 && { applications: seen.applications.toSorted() }),
      connections: seen.connections,
      first: seen.first,
      last: seen.last,
      confidence: confidence(seen),
      notes: [...new Map(seen.notes.map(note => [JSON.stringify(note), note])).values()],
    },
  }
}

/** Peers seen on exactly the same ports share a rule, so that a rule allows no pair that was not seen. */
export function draftRules(evidence: Evidence, direction: Direction): readonly DraftRule[] {
  const sorted = [...evidence.values()].toSorted((a, b) => (a.peer.key < b.peer.key ? -1 : 1))
  const alike = Map.groupBy(sorted, ({ ports }) => [...ports.keys()].toSorted().join())
  return [...alike.values()].flatMap(held => {
    const seen = held.flatMap(({ ports }) => [...ports.values()]).reduce(addSeen)
    const rule = { peers: held.map(({ peer }) => peer), spans: exactSpans(held[0]?.ports.keys() ?? []), seen }
    return bounded(rule).map(part => draft(part, direction))
  })
}
