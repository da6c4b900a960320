import type { Coverage } from '@sekisho/policy'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useApi } from '../../../api/index.ts'
import { askEngine } from './engine.ts'
import type { Question } from './question.ts'

/** A question that takes longer is for the command line: a page should not keep a processor busy for minutes. */
const LONGEST_MS = 60_000

/** Asks one question at a time about the text as it stood then; another question or leaving the page ends the one before. */
export function useEngine() {
  const api = useApi()
  const running = useRef<AbortController>(undefined)
  const [covered, setCovered] = useState<Coverage>()
  const { mutate, reset, ...state } = useMutation({
    mutationFn: async (asked: { readonly yaml: string; readonly question: Question }) => {
      const controller = new AbortController()
      running.current = controller
      const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(LONGEST_MS)])
      return askEngine({ ...asked, model: await api.model(signal) }, signal, setCovered)
    },
  })
  useEffect(() => () => running.current?.abort(), [])
  const cancel = () => {
    running.current?.abort()
    setCovered(undefined)
    reset()
  }
  return {
    ...state,
    covered,
    cancel,
    ask(yaml: string, question: Question) {
      cancel()
      mutate({ yaml, question })
    },
  }
}
