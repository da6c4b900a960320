import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { setSysctl } from '@sekisho/linux'
import type { Pod } from '../e2e/topology.ts'

/** Where iperf3 listens. */
export const STREAM_PORT = 5201
/**
 * Each end on a processor of its own, the router's work beside the sender's; a window that stays in the cache, and CUBIC,
 * for it sends what the processors can carry. Until it is ended.
 */
const ENDS = `0,${availableParallelism() - 1}`
const OPTIONS = ['-t', '0', '-A', ENDS, '-C', 'cubic', '-w', '256K', '-l', '64K']

/** Until a stream that goes on is as fast as before. */
const SETTLE_MS = 10
const TURN_MS = 50
/** How long the first bytes may take. */
const FIRST_BYTES_MS = 10_000

/** What one TCP stream carries from one pod to another. It stands still but in its turns. */
export interface OneStream extends AsyncDisposable {
  /**
   * Gigabits per second of a turn of 50 ms. What a machine carries changes by half from one second to the next, so a peer is
   * compared with the one whose turn was just before: in some hundred turns two of a kind differ by less than 0.5 %.
   */
  turn(): Promise<number>
}

/** All that came through the interfaces of a process's network namespace. proc_pid_net(5) */
function receivedBy({ pid }: ChildProcess): number {
  const lines = readFileSync(`/proc/${pid}/net/dev`, 'utf8').matchAll(/^\s*(?!lo:)\S+:\s*(\d+)/gm)
  return [...lines].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
}

function iperf({ netns }: Pod, options: readonly string[]) {
  const child = spawn('ip', ['netns', 'exec', netns, 'iperf3', ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit')
  return {
    child,
    async [Symbol.asyncDispose]() {
      // The only signal that also ends what stands still.
      child.kill('SIGKILL')
      await ended
    },
  }
}

export async function openOneStream(from: Pod, to: Pod): Promise<OneStream> {
  await using building = new AsyncDisposableStack()
  // A stream that stood still would begin with a few packets, as a new one does.
  setSysctl(from.netns, 'net.ipv4.tcp_slow_start_after_idle', 0)
  const receiver = building.use(iperf(to, ['-s', '--forceflush']))
  await once(receiver.child.stdout, 'data')
  const sender = building.use(iperf(from, ['-c', to.addresses[0], ...OPTIONS]))
  const received = () => receivedBy(receiver.child)
  await firstBytes(received)
  sender.child.kill('SIGSTOP')
  const stack = building.move()
  return {
    async turn() {
      sender.child.kill('SIGCONT')
      await pause(SETTLE_MS)
      const [bytes, start] = [received(), performance.now()]
      await pause(TURN_MS)
      const gigabits = ((received() - bytes) * 8) / 1e9
      const seconds = (performance.now() - start) / 1_000
      sender.child.kill('SIGSTOP')
      if (sender.child.exitCode !== null) throw new Error('iperf3 has ended')
      return gigabits / seconds
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function firstBytes(received: () => number): Promise<void> {
  const [none, start] = [received(), performance.now()]
  while (received() - none < 1e6) {
    if (performance.now() - start > FIRST_BYTES_MS) throw new Error('nothing comes through')
    await pause(SETTLE_MS)
  }
}
