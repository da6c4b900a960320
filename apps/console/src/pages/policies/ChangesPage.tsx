import type { ChangeView } from '@sekisho/control'
import { useState } from 'react'
import { Link } from 'wouter'
import { useChanges } from '../../api/index.ts'
import { useDecideChange } from '../../app/Banners.tsx'
import { policyPlace } from '../../app/places.ts'
import { useI18n } from '../../i18n/index.ts'
import { Button, ConfirmDialog, EmptyState, Icon, type IconName, Loaded, Page, Time } from '../../ui/index.ts'
import { Diff } from './Diff.tsx'
import './policies.css'

const STATES = {
  kept: ['allowed', 'allowed'],
  pending: ['audited', 'clock'],
  reverted: ['neutral', 'undo'],
} as const satisfies Record<ChangeView['state'], readonly [string, IconName]>

const NAMED = 3

/** The policies by name; the server's summary is in English only, so it is the tooltip. */
function titleOf({ policies }: ChangeView): string {
  const names = policies.map(({ id }) => id.split('/').slice(1).filter(Boolean).join('/'))
  const more = names.length - NAMED
  return more > 0 ? `${names.slice(0, NAMED).join(', ')} +${more}` : names.join(', ')
}

function ChangeCard({ change }: { readonly change: ChangeView }) {
  const { t } = useI18n()
  const decide = useDecideChange()
  const [asking, setAsking] = useState(false)
  const words = t.policies.changes
  const [look, icon] = STATES[change.state]
  return (
    <li className="card change">
      <header>
        <div>
          <h2 title={change.summary}>{titleOf(change)}</h2>
          <p className="muted">
            <Time at={change.at} /> · {words.by(change.actor)}
          </p>
        </div>
        <div className="actions">
          <span className={`badge ${look}`}>
            <Icon name={icon} size={14} />
            {words.state[change.state]}
          </span>
          {change.state === 'pending' && (
            <Button look="primary" onPress={() => void decide(change, 'keep')}>
              {t.app.change.keep}
            </Button>
          )}
          {change.state !== 'reverted' && (
            <Button icon="undo" onPress={() => setAsking(true)}>
              {words.revert}
            </Button>
          )}
        </div>
      </header>
      {change.policies.map(policy => (
        <details key={policy.id}>
          <summary>
            <span className={`action ${policy.action}`}>{words.action[policy.action]}</span>
            {policy.action === 'deleted' ? (
              <span>{policy.id}</span>
            ) : (
              <Link href={policyPlace(policy.id)}>{policy.id}</Link>
            )}
          </summary>
          <Diff before={policy.before ?? ''} after={policy.after ?? ''} />
        </details>
      ))}
      {asking && (
        <ConfirmDialog
          danger
          title={words.revertTitle}
          confirm={words.revert}
          onConfirm={() => void decide(change, 'revert')}
          onClose={() => setAsking(false)}
        >
          <p>{words.revertText}</p>
        </ConfirmDialog>
      )}
    </li>
  )
}

export default function ChangesPage() {
  const { t } = useI18n()
  const query = useChanges()
  const words = t.policies.changes
  return (
    <Page title={words.title} intro={words.intro}>
      <Loaded query={query} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState icon="clock" title={words.empty}>
              {words.emptyText}
            </EmptyState>
          ) : (
            <ol className="changes">
              {items.map(change => (
                <ChangeCard key={change.id} change={change} />
              ))}
            </ol>
          )
        }
      </Loaded>
    </Page>
  )
}
