import { readCounts } from '@sekisho/lab'

export interface Sums {
  readonly ok: number
  readonly failed: number
  readonly errors: readonly string[]
}

/** Ordinary programs or the attacker's, as they count themselves: evidence that does not come from Sekisho. */
export function sums(runDir: string, attacker: boolean): Sums {
  const entries = readCounts(runDir).filter(({ program }) => program.startsWith('attack-') === attacker)
  return {
    ok: entries.reduce((total, entry) => total + entry.ok, 0),
    failed: entries.reduce((total, entry) => total + entry.failed, 0),
    errors: entries.flatMap(({ program, target, failed, lastError }) =>
      failed > 0 ? [`${program} → ${target}: ${failed} × ${lastError}`] : [],
    ),
  }
}

/** Requests of the customers outside: they take turns with their addresses, the shop's addresses and its pages, 30 in a round. */
export const visits = (runDir: string): number =>
  readCounts(runDir)
    .filter(({ program }) => program === 'customers')
    .reduce((total, { ok }) => total + ok, 0)
