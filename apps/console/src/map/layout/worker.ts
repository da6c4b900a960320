import { type LayoutInput, layout } from './layout.ts'

/** Runs in a web worker, so that a large map never blocks the page. */
const scope = globalThis as unknown as DedicatedWorkerGlobalScope // typed as a window by lib.dom

scope.addEventListener(
  'message',
  (event: MessageEvent<{ readonly id: number; readonly input: LayoutInput }>) => {
    const result = layout(event.data.input)
    scope.postMessage({ id: event.data.id, result }, [result.x.buffer, result.y.buffer])
  },
)
