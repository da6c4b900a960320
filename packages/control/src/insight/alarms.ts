import type { AgentEvent, Clock, EpochMs } from '@sekisho/core'
import type { Records, Window } from '@sekisho/store'
import { type Attacks, findAttacks } from './attacks.ts'

/** What one look goes through; a scan is told by its attempts within five minutes. */
export const LOOK_BACK_MS = 10 * 60_000
/** An attack that goes on is told again after this long, not at every look. */
const SILENCE_MS = 60 * 60_000
/** Events of one kind read to know what was told. */
const REMEMBERED = 1_000

const back = (until: EpochMs, ms: number): Window => ({ since: (until - ms) as EpochMs, until })

/**
 * Turns attacks that are found in the records into events, each once. What was told is read from the events
 * themselves, so a restart tells nothing twice. Mining pools are not here: agents report them as events.
 * @returns the ids of the new events.
 */
export function raiseAlarms(records: Records, clock: Pick<Clock, 'now'>): readonly number[] {
  const now = clock.now()
  const found = alarms(findAttacks(records, back(now, LOOK_BACK_MS)))
  if (found.length === 0) return []
  const silence = { ...back(now, SILENCE_MS), until: (now + 1) as EpochMs }
  const told = (code: string) =>
    records
      .events({ window: silence, code, limit: REMEMBERED })
      .items.map(event => `${code} ${String(event.details.source)}`)
  const known = new Set([...told('port-scan'), ...told('metadata-probe')])
  return found
    .filter(({ code, details }) => !known.has(`${code} ${String(details.source)}`))
    .map(alarm => records.addEvent({ ...alarm, at: now }))
}

const alarms = ({ scans, probes }: Attacks): readonly Omit<AgentEvent, 'at'>[] => [
  ...scans.map(({ code, source, workload, ports, addresses }) => ({
    code,
    severity: 'critical' as const,
    ...(workload !== undefined && { workload }),
    details: { source, ports, addresses },
  })),
  ...probes.map(({ code, source, address }) => ({
    code,
    severity: 'warning' as const,
    ...(source.workload !== undefined && { workload: source.workload }),
    details: { source: source.key, address },
  })),
]
