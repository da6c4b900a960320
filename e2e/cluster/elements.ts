import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Place } from './programs.ts'

/** What a node's kernel tells of elements of our sets, a moment after each commit. */
export interface Elements extends Disposable {
  /** When the kernel next tells of this address, as `performance.now()`. */
  next(ip: string): Promise<number>
}

export function followElements(place: Place): Elements {
  const [program, ...args] = [...place, 'nft', 'monitor', 'elements']
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const waiting = new Set<{ readonly line: RegExp; seen(at: number): void }>()
  createInterface(child.stdout).on('line', line => {
    const at = performance.now()
    for (const each of waiting) {
      if (!each.line.test(line)) continue
      waiting.delete(each)
      each.seen(at)
    }
  })
  return {
    next(ip) {
      const { promise, resolve } = Promise.withResolvers<number>()
      // The address alone: sets of pairs hold what passed, which packets write.
      waiting.add({
        line: new RegExp(`inet sekisho \\S+ \\{ ${ip.replaceAll('.', String.raw`\.`)} \\}`),
        seen: resolve,
      })
      return promise
    },
    [Symbol.dispose]: () => void child.kill(),
  }
}
