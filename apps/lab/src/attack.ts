import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { attackContainer } from './containers.ts'
import { containedCommand } from './launch.ts'
import { planLab } from './plan.ts'
import { isAlive } from './process.ts'
import { RUN_DIR, readRecord } from './record.ts'
import { readCounts } from './status.ts'

/** Each runs in the network namespace of shop/legacy-cms. */
export const ATTACKS = {
  'port-scan': 'connects to many ports of every pod in shop and payments',
  metadata: 'asks the cloud’s metadata address for credentials',
  mining: 'looks up a mining pool and works for it',
  'lateral-db': 'logs in to the payments database and the shop’s Redis with stolen credentials',
  exfil: 'posts 32 KiB to a host on the internet',
  'dns-tunnel': 'sends data out as odd DNS names',
} as const satisfies Record<string, string>

export type AttackName = keyof typeof ATTACKS
export const isAttack = (name: string): name is AttackName => Object.hasOwn(ATTACKS, name)

export interface AttackResult {
  readonly reached: number
  readonly stopped: number
}

/** Runs one attack in the running lab to its end; each try is a line on stdout. */
export async function attack(name: AttackName, runDir = RUN_DIR): Promise<AttackResult> {
  const record = readRecord(runDir)
  if (!record || !isAlive(record.lab)) throw new Error('no lab runs here; start one with "sekisho lab"')
  const run = { plan: planLab(record.prefix), dir: runDir, databasePassword: record.databasePassword }
  const container = attackContainer(run, name)
  const [program = '', ...rest] = containedCommand(container)
  const child = spawn(program, rest, { env: container.env, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`the attack ended with exit code ${code ?? 'by a signal'}`)
  const counts = readCounts(runDir).filter(entry => entry.program === container.name)
  const sum = (key: 'ok' | 'failed') => counts.reduce((total, entry) => total + entry[key], 0)
  return { reached: sum('ok'), stopped: sum('failed') }
}
