import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessIdentity } from './process.ts'

export interface ProcessRecord {
  readonly identity: ProcessIdentity
  readonly startedAt: number
  readonly restarts: number
}

/** What one run of the lab made, kept on disk so that another process can show it, and a later run remove it. */
export interface LabRecord {
  readonly lab: ProcessIdentity
  readonly prefix: string
  readonly startedAt: number
  readonly server: string
  /** What `sekisho lab attack` "stole". */
  readonly databasePassword: string
  readonly netns: readonly string[]
  /** Programs that are not installed, and so what is left out. */
  readonly missing: readonly string[]
  readonly processes: Readonly<Record<string, ProcessRecord>>
}

/** `/run` and not `/var`: nothing of the lab is meant to survive a reboot. `SEKISHO_LAB_DIR` names another lab. */
export const RUN_DIR = process.env.SEKISHO_LAB_DIR ?? '/run/sekisho-lab'

export const countsDir = (runDir: string): string => join(runDir, 'counts')
export const countsFile = (runDir: string, name: string): string => join(countsDir(runDir), `${name}.json`)

const path = (runDir: string) => join(runDir, 'lab.json')

/** Readers see the old text or the new, never half of one. */
export function replaceFile(file: string, text: string, mode = 0o644): void {
  const next = `${file}.next`
  writeFileSync(next, text, { mode })
  renameSync(next, file)
}

export function writeRecord(runDir: string, record: LabRecord): void {
  mkdirSync(runDir, { recursive: true, mode: 0o755 })
  replaceFile(path(runDir), JSON.stringify(record, null, 2), 0o600)
}

/** @returns undefined when there is no lab, or its record was never finished. */
export function readRecord(runDir: string): LabRecord | undefined {
  let text: string
  try {
    text = readFileSync(path(runDir), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return JSON.parse(text) as LabRecord // our own file, replaced as a whole, in a directory only root writes
}
