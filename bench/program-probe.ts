import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

// Loaded before a program that is measured: says what of its heap is alive. Workers load it as well.
if (isMainThread) {
  process.on('message', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void // what the flag adds
    collect()
    process.send?.(process.memoryUsage().heapUsed)
  })
  process.channel?.unref()
}
