import type { Coverage } from '@sekisho/policy'
import type { Answer, Asked, Told } from './question.ts'

/**
 * Asks the engine in a worker of its own, which is loaded for the first question and not before. A proof cannot be
 * interrupted from inside: the signal ends the worker.
 */
export function askEngine(
  asked: Asked,
  signal: AbortSignal,
  onProgress: (covered: Coverage) => void,
): Promise<Answer> {
  signal.throwIfAborted()
  const worker = new Worker(new URL('./ask.worker.ts', import.meta.url), { type: 'module' })
  const answer = new Promise<Answer>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    worker.addEventListener('error', ({ message }) => reject(new Error(message)), { once: true })
    worker.addEventListener('message', ({ data }: MessageEvent<Told>) => {
      if (data.kind === 'progress') onProgress(data.covered)
      else resolve(data)
    })
    worker.postMessage(asked)
  })
  return answer.finally(() => worker.terminate())
}
