import { renameSync, writeFileSync } from 'node:fs'

/** What a program of the lab knows about one of the services it uses. */
export interface TargetCounts {
  ok: number
  failed: number
  /** The last failure in the program's own words, and when. */
  lastError?: string
  lastFailureAt?: number
  /**
   * When the latest of the calls that succeeded began, in epoch milliseconds. Files are written late and answers come
   * late on a busy machine: only this tells whether something got through that was tried after a policy was in force.
   */
  lastOkBegan?: number
}

/** `counts/<name>.json`: the evidence that is independent of Sekisho's own log. */
export interface CountsFile {
  readonly name: string
  readonly startedAt: number
  readonly at: number
  readonly targets: Readonly<Record<string, TargetCounts>>
}

export interface Counts {
  /** Makes the call and counts its outcome; a failure is counted, not passed on. */
  attempt<T>(target: string, call: () => Promise<T>): Promise<T | undefined>
  /** Prometheus text format. */
  metrics(): string
  write(): void
}

/** What one failure may take of a line on a terminal. */
const SENTENCE_CHARACTERS = 160

export const sentence = (error: unknown): string => fullSentence(error).slice(0, SENTENCE_CHARACTERS)

function fullSentence(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map(fullSentence).join('; ')
  return error instanceof Error ? error.message : String(error)
}

/** Counts are written each second to the file that `COUNTS_FILE` names, replaced as a whole. */
export function openCounts(name = process.env.NAME ?? 'program', file = process.env.COUNTS_FILE): Counts {
  const startedAt = Date.now()
  const targets: Record<string, TargetCounts> = {}
  const write = () => {
    if (file === undefined) return
    const content: CountsFile = { name, startedAt, at: Date.now(), targets }
    writeFileSync(`${file}.next`, JSON.stringify(content))
    renameSync(`${file}.next`, file)
  }
  write()
  setInterval(write, 1_000).unref()
  return {
    async attempt(target, call) {
      const counts = targets[target] ?? { ok: 0, failed: 0 }
      targets[target] = counts
      const began = Date.now()
      try {
        const value = await call()
        counts.ok++
        counts.lastOkBegan = Math.max(began, counts.lastOkBegan ?? 0)
        return value
      } catch (error) {
        counts.failed++
        counts.lastError = sentence(error)
        counts.lastFailureAt = Date.now()
        return undefined
      }
    },
    metrics: () =>
      Object.entries(targets)
        .flatMap(([target, { ok, failed }]) => [
          `lab_requests_total{target="${target}",result="ok"} ${ok}`,
          `lab_requests_total{target="${target}",result="failed"} ${failed}`,
        ])
        .concat('')
        .join('\n'),
    write,
  }
}
