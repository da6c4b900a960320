import type { ChangeView, Session } from '@sekisho/control'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { KEYS, useApi, useChanges, useSession } from '../api/index.ts'
import { useI18n } from '../i18n/index.ts'
import { Button, dismissAbout, Icon, LinkButton, toast, useFailure } from '../ui/index.ts'
import { useNow } from './now.ts'
import { PasswordDialog } from './PasswordDialog.tsx'

/** Keep or take back a change; both say what happened and refresh everything that a policy touches. */
export function useDecideChange() {
  const { t } = useI18n()
  const api = useApi()
  const client = useQueryClient()
  const failure = useFailure()
  return async (change: Pick<ChangeView, 'id'>, decision: 'keep' | 'revert') => {
    dismissAbout(change.id)
    try {
      await (decision === 'keep' ? api.keepChange(change.id) : api.revertChange(change.id))
      toast({ text: decision === 'keep' ? t.app.change.kept : t.app.change.reverted })
    } catch (error) {
      toast({ text: failure(error), tone: 'failed' })
    }
    await Promise.all(
      [KEYS.changes, KEYS.policies, KEYS.overview, KEYS.map].map(queryKey =>
        client.invalidateQueries({ queryKey }),
      ),
    )
  }
}

function PendingChange({ change }: { readonly change: ChangeView }) {
  const { t, f } = useI18n()
  const decide = useDecideChange()
  const now = useNow(500)
  const left = change.revertsAt === null ? 0 : new Date(change.revertsAt).getTime() - now
  return (
    <section
      className="banner pending"
      aria-label={t.app.change.pending(change.policies.length, change.actor)}
    >
      <Icon name="clock" />
      <p>
        <b>{t.app.change.pending(change.policies.length, change.actor)}</b>
        <span role="timer" className="countdown">
          {left > 0 ? t.app.change.revertsIn(f.countdown(left)) : t.app.change.reverting}
        </span>
      </p>
      <div className="actions">
        <LinkButton href="/policies/changes" look="quiet">
          {t.app.change.show}
        </LinkButton>
        <Button onPress={() => void decide(change, 'revert')} icon="undo">
          {t.app.change.revert}
        </Button>
        <Button look="primary" onPress={() => void decide(change, 'keep')} icon="allowed">
          {t.app.change.keep}
        </Button>
      </div>
    </section>
  )
}

function PasswordOffer({ session }: { readonly session: Session }) {
  const { t } = useI18n()
  const [state, setState] = useState<'offered' | 'open' | 'later'>('offered')
  if (state === 'later') return null
  return (
    <section className="banner" aria-label={t.app.account.setPassword}>
      <Icon name="lock" />
      <p>{t.app.account.passwordMissing}</p>
      <div className="actions">
        <Button look="quiet" onPress={() => setState('later')}>
          {t.app.account.later}
        </Button>
        <Button onPress={() => setState('open')}>{t.app.account.setPassword}</Button>
      </div>
      {state === 'open' && <PasswordDialog session={session} onClose={() => setState('offered')} />}
    </section>
  )
}

/** What must be seen on every page: a change on trial, a missing password, that this is the lab. */
export function Banners() {
  const { t } = useI18n()
  const session = useSession().data
  const changes = useChanges().data?.items ?? []
  return (
    <div className="banners">
      {changes
        .filter(change => change.state === 'pending')
        .map(change => (
          <PendingChange key={change.id} change={change} />
        ))}
      {session?.mustSetPassword && <PasswordOffer session={session} />}
      {session?.lab && <p className="lab-banner">{t.app.lab.banner}</p>}
    </div>
  )
}
