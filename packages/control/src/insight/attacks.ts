import type { EpochMs, Outcome, WorkloadId } from '@sekisho/core'
import type {
  EdgeTotals,
  FruitlessAttempts,
  RecordedEdge,
  RecordedEnd,
  Records,
  Window,
} from '@sekisho/store'

/** Where clouds hand out credentials to whoever asks from inside: most of them, AWS over IPv6, ECS tasks, Alibaba. */
export const METADATA_ADDRESSES = [
  '169.254.169.254',
  'fd00:ec2::254',
  '169.254.170.2',
  '100.100.100.200',
] as const

/**
 * Attempts that led nowhere, within five minutes. A client with a wrong setting fails on a port or two, a
 * dead node makes its clients fail at some addresses; neither comes near both of these.
 */
const SCAN = { ports: 8, addresses: 32 }
/** Events read for mining pools; one is enough to mark a workload. */
const MINING_EVENTS = 1_000

export type AttackCode = 'port-scan' | 'metadata-probe' | 'mining-pool'

export interface Scan extends FruitlessAttempts {
  readonly code: 'port-scan'
}
export interface MetadataProbe {
  readonly code: 'metadata-probe'
  readonly source: RecordedEnd
  readonly address: string
  readonly connections: number
  readonly outcome: Outcome
  readonly last: EpochMs
}
export interface MiningPool {
  readonly code: 'mining-pool'
  /** Group key of the workload. */
  readonly source: string
  readonly workload: WorkloadId
  readonly at: EpochMs
  readonly details: Readonly<Record<string, string | number | boolean>>
}

/** What looks like an attack within a window; suggest, simulate and the overview go by the same one. */
export interface Attacks {
  readonly scans: readonly Scan[]
  readonly probes: readonly MetadataProbe[]
  readonly miners: readonly MiningPool[]
  /**
   * Whether a flow belongs to an attack: everything a scanning or mining group does, for its foothold is used
   * for more than its scan; of others only what they say to the metadata address, which honest programs ask too.
   */
  of(edge: Pick<RecordedEdge, 'source' | 'destination'>): AttackCode | undefined
}

export function findAttacks(records: Records, window: Window): Attacks {
  const scans = worstOfEach(records.fruitless(window, SCAN))
  const miners = findMiners(records, window)
  const scanning = new Set(scans.map(scan => scan.source))
  const mining = new Set(miners.map(miner => miner.source))
  return {
    scans,
    probes: findProbes(records, window),
    miners,
    of({ source, destination }) {
      if (isMetadata(destination.ip)) return 'metadata-probe'
      if (scanning.has(source.key)) return 'port-scan'
      return mining.has(source.key) ? 'mining-pool' : undefined
    },
  }
}

const isMetadata = (ip: string): boolean => METADATA_ADDRESSES.some(address => address === ip)

/** A long scan fills several stretches; the one with most ports and addresses stands for it. */
function worstOfEach(attempts: readonly FruitlessAttempts[]): readonly Scan[] {
  const worst = new Map<string, Scan>()
  for (const attempt of attempts) {
    const known = worst.get(attempt.source)
    if (known && size(known) >= size(attempt)) continue
    worst.set(attempt.source, { code: 'port-scan', ...attempt })
  }
  return [...worst.values()].sort((a, b) => size(b) - size(a))
}

const size = ({ ports, addresses }: FruitlessAttempts): number => ports * addresses

function findProbes(records: Records, window: Window): readonly MetadataProbe[] {
  const filter = METADATA_ADDRESSES.map(value => ({ key: 'dst' as const, value, not: false }))
  const probes = new Map<string, MetadataProbe>()
  for (const edge of records.edges(window, filter)) {
    const probe = probes.get(edge.source.key)
    probes.set(edge.source.key, probe ? later(probe, edge) : probeOf(edge))
  }
  return [...probes.values()]
}

const probeOf = ({ source, destination, connections, outcome, last }: EdgeTotals): MetadataProbe => ({
  code: 'metadata-probe',
  source,
  address: destination.ip,
  connections,
  outcome,
  last,
})

const later = (probe: MetadataProbe, edge: EdgeTotals): MetadataProbe => ({
  ...(edge.last >= probe.last ? probeOf(edge) : probe),
  connections: probe.connections + edge.connections,
})

function findMiners(records: Records, window: Window): readonly MiningPool[] {
  const miners = new Map<string, MiningPool>()
  for (const event of records.events({ window, code: 'mining-pool', limit: MINING_EVENTS }).items) {
    const workload = event.workload === undefined ? undefined : records.workload(event.workload)?.workload
    if (!workload) continue
    const source = `${workload.namespace}/${workload.owner.name}`
    const { at, details } = event
    if (!miners.has(source))
      miners.set(source, { code: 'mining-pool', source, workload: workload.id, at, details })
  }
  return [...miners.values()]
}
