import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Patience {
  readonly timeoutMs: number
  readonly everyMs?: number
  readonly signal?: AbortSignal
}

/** @returns whether the condition came true within the time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs, everyMs = 25, signal }: Patience,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    if (await condition()) return true
    if (performance.now() >= deadline) return false
    await sleep(everyMs)
  }
}

/** As `until`, but a condition that never comes true is an error with this sentence. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patience: Patience,
): Promise<void> {
  if (!(await until(condition, patience)))
    throw new Error(`${what}: not within ${patience.timeoutMs / 1000} s`)
}

const LISTEN = '0A'
/** UDP sockets have no listening state; an unconnected one is "closed" (07). */
const UNCONNECTED = '07'

/**
 * Whether something in the network namespace of a process listens on a port, read from /proc/PID/net:
 * no connection is made, so neither the program nor the firewall sees the question.
 */
export function listens(pid: number, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): boolean {
  const state = protocol === 'TCP' ? LISTEN : UNCONNECTED
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return [protocol.toLowerCase(), `${protocol.toLowerCase()}6`].some(table => {
    let text: string
    try {
      text = readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
    } catch {
      return false // the process has ended; its supervisor says so
    }
    return text
      .split('\n')
      .slice(1)
      .map(line => line.trim().split(/\s+/))
      .some(([, local, , status]) => local?.endsWith(suffix) === true && status === state)
  })
}
