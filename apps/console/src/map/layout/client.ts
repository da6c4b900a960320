import type { Layout, LayoutInput } from './layout.ts'

interface Answer {
  readonly id: number
  readonly result: Layout
}

export interface LayoutClient extends Disposable {
  /** Resolves with the layout, or with undefined when a later request has made it worthless. */
  layout(input: LayoutInput): Promise<Layout | undefined>
}

/** The worker is started at once, so that it is ready before the first map has been fetched. */
export function layoutClient(): LayoutClient {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'map-layout' })
  const waiting = new Map<number, (answer: Layout | undefined) => void>()
  const failures = new Map<number, (error: Error) => void>()
  let latest = 0
  worker.addEventListener('message', (event: MessageEvent<Answer>) => {
    const { id, result } = event.data
    waiting.get(id)?.(id === latest ? result : undefined)
    waiting.delete(id)
    failures.delete(id)
  })
  worker.addEventListener('error', event => {
    for (const refuse of failures.values()) refuse(new Error(`map layout: ${event.message}`))
    waiting.clear()
    failures.clear()
  })
  return {
    layout(input) {
      const id = ++latest
      return new Promise((resolve, reject) => {
        waiting.set(id, resolve)
        failures.set(id, reject)
        worker.postMessage({ id, input })
      })
    },
    [Symbol.dispose]() {
      worker.terminate()
      for (const answer of waiting.values()) answer(undefined)
      waiting.clear()
      failures.clear()
    },
  }
}
