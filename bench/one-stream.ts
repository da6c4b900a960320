import { execFile, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import type { Pod } from '../e2e/topology.ts'

const run = promisify(execFile)
/** The least that iperf3 measures; many short turns of each peer meet the same noise. */
const SECONDS = 1
/**
 * Each end on a processor of its own, the router's work beside the sender's; a window that stays in the cache, and CUBIC,
 * for it sends what the processors can carry. Left to the machine (its placement, its windows, a default that paces itself by
 * what it measured before) the same peer is a third faster in one second than in the next; so two of a kind differ by 1 %.
 */
const ENDS = `0,${availableParallelism() - 1}`
const OPTIONS = ['-t', `${SECONDS}`, '-A', ENDS, '-C', 'cubic', '-w', '256K', '-l', '64K', '-J']

/** Where iperf3 listens. */
export const STREAM_PORT = 5201

/** What one TCP stream carries from one pod to another. */
export interface OneStream extends Disposable {
  /** Gigabits per second, in one second. */
  measure(): Promise<number>
}

export async function openOneStream(from: Pod, to: Pod): Promise<OneStream> {
  const listener = spawn('ip', ['netns', 'exec', to.netns, 'iperf3', '-s', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await new Promise<void>(ready => listener.stdout.once('data', () => ready()))
  return {
    async measure() {
      const iperf = ['iperf3', '-c', to.addresses[0], ...OPTIONS]
      const { stdout } = await run('ip', ['netns', 'exec', from.netns, ...iperf])
      const report = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }
      return report.end.sum_received.bits_per_second / 1e9
    },
    [Symbol.dispose]() {
      listener.kill()
    },
  }
}
