import { useEffect, useRef, useState } from 'react'
import type { ValidateRequest, ValidateResponse, Verdict } from './validate.worker.ts'

/** Long enough not to judge every letter, short enough to feel at once. */
const PAUSE_MS = 150

/** What the parser says about the text; undefined while it is being asked. */
export function useValidation(yaml: string): Verdict | undefined {
  const worker = useRef<Worker>(undefined)
  const asked = useRef(0)
  const [answer, setAnswer] = useState<{ readonly yaml: string; readonly verdict: Verdict }>()
  const latest = useRef(yaml)

  useEffect(() => {
    const started = new Worker(new URL('./validate.worker.ts', import.meta.url), { type: 'module' })
    started.addEventListener('message', ({ data }: MessageEvent<ValidateResponse>) => {
      // An answer about a text that has changed since says nothing.
      if (data.id === asked.current) setAnswer({ yaml: latest.current, verdict: data })
    })
    worker.current = started
    return () => started.terminate()
  }, [])

  useEffect(() => {
    const timer = setTimeout(() => {
      asked.current += 1
      latest.current = yaml
      worker.current?.postMessage({ id: asked.current, yaml } satisfies ValidateRequest)
    }, PAUSE_MS)
    return () => clearTimeout(timer)
  }, [yaml])

  return answer?.yaml === yaml ? answer.verdict : undefined
}
