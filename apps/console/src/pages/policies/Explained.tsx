import type { ExplanationView } from '@sekisho/control'
import { Link } from 'wouter'
import { policyPlace } from '../../app/places.ts'
import { useI18n } from '../../i18n/index.ts'
import { Code, CopyButton, LinkButton, ModeBadge } from '../../ui/index.ts'
import { draftPlace } from './draft.ts'
import './explained.css'

/** The parts of an explanation, wherever it was made: by the server or by the engine in the browser. */
export function Sentences({ sentences }: Pick<ExplanationView, 'sentences'>) {
  const { locale } = useI18n()
  return (
    <ul className="sentences">
      {sentences[locale].map(sentence => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  )
}

export function Considered({ considered }: Pick<ExplanationView, 'considered'>) {
  const { t } = useI18n()
  if (considered.length === 0) return <p className="muted">{t.flows.panel.noPolicies}</p>
  return (
    <ul className="considered">
      {considered.map(step => (
        <li key={`${step.policy} ${step.direction}`} className={step.outcome}>
          <ModeBadge mode={step.mode} />
          <span>
            <Link href={policyPlace(step.policy)}>
              {step.policy.split('/').slice(1).filter(Boolean).join('/')}
            </Link>
            <span className="muted">
              {' '}
              · {t.terms.direction[step.direction]} · {t.flows.panel.outcome[step.outcome]}
            </span>
          </span>
        </li>
      ))}
    </ul>
  )
}

export function SmallestChange({ change }: { readonly change: string }) {
  const { t } = useI18n()
  return (
    <section>
      <h3>{t.flows.panel.change}</h3>
      <p className="muted">{t.flows.panel.changeHint}</p>
      <Code className="yaml">{change}</Code>
      <div className="actions">
        <LinkButton href={draftPlace(change)} icon="policies">
          {t.flows.panel.edit}
        </LinkButton>
        <CopyButton value={() => change}>{t.app.copy.yaml}</CopyButton>
      </div>
    </section>
  )
}
