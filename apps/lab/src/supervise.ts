import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { end, identify, type ProcessIdentity } from './process.ts'

/** Waits between restarts: doubled at each failure, from the first again after it has run for a while. */
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000
const STEADY_MS = 10_000

export interface Supervised extends AsyncDisposable {
  readonly name: string
  /** Undefined while it is between two lives. */
  readonly pid: number | undefined
  readonly restarts: number
}

export interface Supervision {
  readonly name: string
  start(): ChildProcess
  /** Called at each start; `how` says how the life before ended. */
  started(event: { identity: ProcessIdentity; restarts: number; how?: string }): void
  /** Ends the process: SIGTERM and patience, or at once when nothing is lost by it. */
  readonly stop: 'orderly' | 'at-once'
}

const nextWait = (wait: number, livedMs: number) =>
  livedMs >= STEADY_MS ? FIRST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS)

/** Keeps a program running until disposed. */
export function supervise(options: Supervision): Supervised {
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  let restarts = 0
  let wait = FIRST_WAIT_MS
  let timer: NodeJS.Timeout | undefined

  const begin = (how?: string) => {
    const startedAt = performance.now()
    const current = options.start()
    child = current
    let ended = false
    const again = (reason: string) => {
      if (ended) return
      ended = true
      child = undefined
      if (stopping.signal.aborted) return
      wait = nextWait(wait, performance.now() - startedAt)
      timer = setTimeout(() => {
        restarts++
        begin(reason)
      }, wait)
    }
    current.once('error', error => again(error.message))
    current.once('exit', (code, signal) => again(signal ?? `exit code ${code}`))
    const identity = current.pid === undefined ? undefined : identify(current.pid)
    if (identity) options.started({ identity, restarts, ...(how === undefined ? {} : { how }) })
  }
  begin()

  return {
    name: options.name,
    get pid() {
      return child?.pid
    },
    get restarts() {
      return restarts
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      clearTimeout(timer)
      const last = child
      if (!last) return
      const exited = once(last, 'exit')
      const identity = last.pid === undefined ? undefined : identify(last.pid)
      if (!identity) return
      if (options.stop === 'orderly') await end(identity)
      else last.kill('SIGKILL')
      await exited
    },
  }
}
