import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from './process.ts'
import type { CountsFile, TargetCounts } from './programs/counts.ts'
import { countsDir, RUN_DIR, readRecord } from './record.ts'

export interface ProgramStatus {
  readonly name: string
  readonly pid: number
  readonly alive: boolean
  readonly restarts: number
  readonly startedAt: number
}

/** What one program counted about one of the services it uses. */
export interface TrafficStatus extends Readonly<TargetCounts> {
  readonly program: string
  readonly target: string
  /** When the program wrote it, in epoch milliseconds. */
  readonly at: number
}

export interface LabStatus {
  readonly running: boolean
  readonly startedAt: number
  readonly server: string
  readonly missing: readonly string[]
  readonly programs: readonly ProgramStatus[]
  /** Ordinary traffic: `failed` must not grow when a policy is enforced. */
  readonly traffic: readonly TrafficStatus[]
  /** The attacker's: `ok` is what reached its goal, `failed` what was stopped. */
  readonly attacks: readonly TrafficStatus[]
}

const isAttack = ({ program }: TrafficStatus) => program.startsWith('attack-')

/** All counts of a lab, as the programs wrote them last. */
export function readCounts(runDir = RUN_DIR): TrafficStatus[] {
  const files = readdirSync(countsDir(runDir)).filter(file => file.endsWith('.json'))
  return files.toSorted().flatMap(file => {
    const text = readFileSync(join(countsDir(runDir), file), 'utf8')
    const { name, at, targets } = JSON.parse(text) as CountsFile // written by the lab's programs, replaced as a whole
    return Object.entries(targets).map(([target, counts]) => ({ program: name, target, at, ...counts }))
  })
}

/** @returns undefined when there is no lab, and no remains of one either. */
export function labStatus(runDir = RUN_DIR): LabStatus | undefined {
  const record = readRecord(runDir)
  if (!record) return undefined
  const counts = readCounts(runDir)
  return {
    running: isAlive(record.lab),
    startedAt: record.startedAt,
    server: record.server,
    missing: record.missing,
    programs: Object.entries(record.processes).map(([name, { identity, restarts, startedAt }]) => ({
      name,
      pid: identity.pid,
      alive: isAlive(identity),
      restarts,
      startedAt,
    })),
    traffic: counts.filter(entry => !isAttack(entry)),
    attacks: counts.filter(isAttack),
  }
}

const trafficLine = ({ program, target, ok, failed, lastError }: TrafficStatus): string =>
  `  ${program.padEnd(18)} ${target.padEnd(16)} ${String(ok).padStart(8)} ${String(failed).padStart(8)}  ${
    failed > 0 ? (lastError?.split('\n')[0] ?? '') : ''
  }`.trimEnd()

/** For the terminal. */
export function statusLines(status: LabStatus): string[] {
  const { programs, traffic, attacks, missing } = status
  const alive = programs.filter(program => program.alive).length
  const header = (left: string, good: string, bad: string) =>
    `${left.padEnd(37)} ${good.padStart(8)} ${bad.padStart(8)}`
  return [
    status.running
      ? `The lab runs: ${alive} of ${programs.length} programs, console at ${status.server}`
      : 'The lab has ended without cleaning up; the next "sekisho lab" does it.',
    ...missing.map(name => `  left out: ${name}`),
    ...programs
      .filter(program => program.restarts > 0 || !program.alive)
      .map(
        program =>
          `  ${program.name}: ${program.alive ? 'runs' : 'down'}, restarted ${program.restarts} times`,
      ),
    header('Traffic, as the programs count it', 'ok', 'failed'),
    ...traffic.map(trafficLine),
    header('Attacks, as the attacker counts them', 'reached', 'stopped'),
    ...attacks.map(trafficLine),
  ]
}
