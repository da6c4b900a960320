import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

/** Bytes that are alive in its heap. */
function liveHeap(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void // what the flag adds
  collect()
  return process.memoryUsage().heapUsed
}

// Loaded before a program that is measured: answers what cannot be seen from outside. Workers load it as well.
if (isMainThread) {
  const turns = monitorEventLoopDelay({ resolution: 5 })
  turns.enable()
  /** Milliseconds of the longest turn of its main thread since this was asked last. */
  const longestTurn = (): number => {
    const longest = turns.max / 1e6
    turns.reset()
    return longest
  }
  process.on('message', (what: 'heap' | 'turn') => {
    process.send?.(what === 'heap' ? liveHeap() : longestTurn())
  })
  process.channel?.unref()
}
