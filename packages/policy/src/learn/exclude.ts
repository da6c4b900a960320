import { hasPorts } from '@sekisho/core'
import {
  type ExcludedFlow,
  endName,
  groupKey,
  type LearnEnd,
  type LearnFlow,
  type LearnOptions,
} from './flow.ts'

/** Where clouds hand out credentials to whoever asks: AWS, Azure and GCP; AWS on IPv6; ECS tasks; Alibaba. */
const METADATA = new Set(['169.254.169.254', 'fd00:ec2::254', '169.254.170.2', '100.100.100.200'])

/** A scan tries so many ports of one destination, or so many destinations on one port, … */
const SCAN_TARGETS = 10
/** … within so many milliseconds … */
const SCAN_WINDOW = 60_000
/** … and gets no more back than a handshake: SYN-ACK, FIN, RST with options. */
const EMPTY_ANSWER_BYTES = 160
/** … in at most so many attempts each. */
const SCAN_ATTEMPTS = 3

const endKey = (end: LearnEnd): string => (end.group ? groupKey(end.group) : end.ip)

/** Tried, but no conversation came of it. Without byte counts a single attempt is taken for one. */
function isEmpty(flow: LearnFlow): boolean {
  if (flow.connections > SCAN_ATTEMPTS) return false
  if (flow.outcome === 'denied') return true
  if (flow.bytesToSource === undefined) return flow.connections <= 1
  return flow.bytesToSource <= EMPTY_ANSWER_BYTES * flow.connections
}

/** Flows that are part of a run of many targets in a short time: a sliding window over their first packets. */
function bursts(flows: readonly LearnFlow[], target: (flow: LearnFlow) => string): readonly LearnFlow[] {
  const sorted = flows.toSorted((a, b) => a.first - b.first)
  const counts = new Map<string, number>()
  const found = new Set<LearnFlow>()
  let start = 0
  sorted.forEach((flow, end) => {
    counts.set(target(flow), (counts.get(target(flow)) ?? 0) + 1)
    for (let old = sorted[start]; old && flow.first - old.first > SCAN_WINDOW; old = sorted[++start]) {
      const left = (counts.get(target(old)) ?? 0) - 1
      if (left > 0) counts.set(target(old), left)
      else counts.delete(target(old))
    }
    if (counts.size >= SCAN_TARGETS) for (const one of sorted.slice(start, end + 1)) found.add(one)
  })
  return [...found]
}

const portKey = ({ protocol, port }: LearnFlow): string => `${protocol} ${port}`

/** Vertical scans (ports of one destination) and horizontal ones (destinations on one port). */
function scans(flows: readonly LearnFlow[]): ReadonlySet<LearnFlow> {
  const empty = flows.filter(flow => hasPorts(flow.protocol) && isEmpty(flow))
  const vertical = Map.groupBy(empty, ({ source, destination }) => `${endKey(source)} ${endKey(destination)}`)
  const horizontal = Map.groupBy(empty, flow => `${endKey(flow.source)} ${portKey(flow)}`)
  return new Set([
    ...[...vertical.values()].flatMap(run => bursts(run, portKey)),
    ...[...horizontal.values()].flatMap(run => bursts(run, flow => flow.destination.ip)),
  ])
}

/** NetworkPolicy knows no ICMP, neither kind other protocols, and port 0 is no port. */
function isExpressible({ protocol, port }: LearnFlow, kind: LearnOptions['kind']): boolean {
  if (hasPorts(protocol)) return port >= 1 && port <= 65_535
  return kind !== 'NetworkPolicy' && (protocol === 'ICMP' || protocol === 'ICMPv6') && port <= 255
}

export interface Sorted {
  readonly learned: readonly LearnFlow[]
  readonly excluded: readonly ExcludedFlow[]
}

/** Parts what may be learned from what looks like an attack or cannot be written. Every exclusion says why. */
export function sortFlows(flows: readonly LearnFlow[], options: LearnOptions): Sorted {
  const scanned = scans(flows)
  const code = (flow: LearnFlow): string | undefined => {
    const marked = options.suspicious?.(flow)
    if (marked !== undefined) return marked
    if (METADATA.has(flow.destination.ip)) return 'metadata-probe'
    if (scanned.has(flow)) return 'port-scan'
    if (flow.outcome === 'denied') return 'denied'
    return isExpressible(flow, options.kind) ? undefined : 'not-expressible'
  }
  const learned: LearnFlow[] = []
  const excluded: ExcludedFlow[] = []
  for (const flow of flows) {
    const why = code(flow)
    if (why === undefined) learned.push(flow)
    else excluded.push(exclude(flow, why))
  }
  return { learned, excluded }
}

const exclude = (flow: LearnFlow, code: string): ExcludedFlow => ({
  flow,
  source: endName(flow.source),
  destination: endName(flow.destination),
  protocol: flow.protocol,
  port: flow.port,
  connections: flow.connections,
  code,
})
