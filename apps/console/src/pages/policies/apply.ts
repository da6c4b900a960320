import type { ChangeView } from '@sekisho/control'
import type { Mode } from '@sekisho/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiError, KEYS, useApi } from '../../api/index.ts'
import { useDecideChange } from '../../app/Banners.tsx'
import { useI18n } from '../../i18n/index.ts'
import { toast, useFailure } from '../../ui/index.ts'

/** Long enough to see what broke, short enough to wait for when the way to the console broke too. */
export const TRIAL_SECONDS = 300

/** Runs a change of policies, says what came of it, and offers to take it back. */
export function usePolicyChange() {
  const { t } = useI18n()
  const client = useQueryClient()
  const failure = useFailure()
  const decide = useDecideChange()
  const [busy, setBusy] = useState(false)

  const report = (change: ChangeView, text: string): void => {
    if (change.id === '') {
      toast({ text: t.policies.apply.nothing })
      return
    }
    const undo = { label: t.app.undo, run: () => void decide(change, 'revert') }
    const keep = { label: t.app.change.keep, run: () => void decide(change, 'keep') }
    toast({ text, about: change.id, actions: change.state === 'pending' ? [undo, keep] : [undo] })
  }

  /** @returns whether it is in force now. */
  const run = async (work: () => Promise<ChangeView>, text: string): Promise<boolean> => {
    setBusy(true)
    try {
      report(await work(), text)
      return true
    } catch (error) {
      const problems = error instanceof ApiError ? error.problems : []
      const list = problems.slice(0, 3).map(({ path, reason }) => `${path} ${reason}`)
      toast({ text: [failure(error), ...list].join(' · '), tone: 'failed' })
      return false
    } finally {
      setBusy(false)
      void Promise.all(
        [KEYS.policies, KEYS.changes, KEYS.overview, KEYS.map].map(queryKey =>
          client.invalidateQueries({ queryKey }),
        ),
      )
    }
  }
  return { busy, run }
}

/** Applying YAML in a mode; Enforce is always on trial first. */
export function useApply() {
  const { t } = useI18n()
  const api = useApi()
  const { busy, run } = usePolicyChange()
  const { apply: words } = t.policies
  return {
    busy,
    apply(yaml: string, mode?: Mode): Promise<boolean> {
      switch (mode) {
        case 'Enforce':
          return run(() => api.apply({ yaml, mode, revertAfterSeconds: TRIAL_SECONDS }), words.enforced)
        case 'Audit':
          return run(() => api.apply({ yaml, mode }), words.audited)
        case 'Learn':
          return run(() => api.apply({ yaml, mode }), words.applied)
        case undefined:
          return run(() => api.apply({ yaml }), words.applied)
      }
    },
  }
}
