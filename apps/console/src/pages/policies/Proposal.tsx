import type { SuggestionView } from '@sekisho/control'
import type { Problem } from '@sekisho/core'
import { lazy, Suspense } from 'react'
import { entry, useI18n } from '../../i18n/index.ts'
import { Ago, Button, CopyButton, Icon, Loading } from '../../ui/index.ts'
import { useValidation } from './validation.ts'

const YamlEditor = lazy(() => import('./YamlEditor.tsx'))
const NONE: readonly Problem[] = []

type Policy = SuggestionView['policies'][number]
type Rule = Policy['rules'][number]
type Note = SuggestionView['notes'][number]

function Notes({ notes }: { readonly notes: readonly Note[] }) {
  const { t } = useI18n()
  if (notes.length === 0) return null
  return (
    <ul className="notes">
      {notes.map(({ code, details }) => (
        <li key={`${code} ${JSON.stringify(details)}`}>
          <Icon name="info" size={14} />
          <span>{entry(t.policies.notes, code)?.(details) ?? code}</span>
        </li>
      ))}
    </ul>
  )
}

function RuleEvidence({ rule }: { readonly rule: Rule }) {
  const { t, f } = useI18n()
  const words = t.policies.suggestPage
  const direction = rule.rule.includes('#egress') ? 'egress' : 'ingress'
  return (
    <li className="rule">
      <span className="rule-direction">{t.terms.direction[direction]}</span>
      <div>
        <p>
          <b>{f.list(rule.peers)}</b> <code>{rule.ports.join(', ')}</code>{' '}
          {rule.applications && <span className="muted">{f.list(rule.applications)}</span>}
        </p>
        <p className="muted small">
          {words.seen(rule.connections)} · {t.terms.last} <Ago at={rule.last} />
        </p>
        <Notes notes={rule.notes} />
      </div>
      <span className={`badge confidence-${rule.confidence}`}>{words.confidence[rule.confidence]}</span>
    </li>
  )
}

function PolicyEvidence({ policy }: { readonly policy: Policy }) {
  const { t } = useI18n()
  const [, namespace = '', name = ''] = policy.id.split('/')
  return (
    <details className="card proposed" open>
      <summary>
        <span>
          <span className="muted">{namespace && `${namespace}/`}</span>
          <b>{name}</b>
        </span>
        <span className="muted">{t.policies.rules(policy.rules.length)}</span>
      </summary>
      <ul>
        {policy.rules.map(rule => (
          <RuleEvidence key={rule.rule} rule={rule} />
        ))}
      </ul>
    </details>
  )
}

function Excluded({ excluded }: Pick<SuggestionView, 'excluded'>) {
  const { t } = useI18n()
  const words = t.policies.suggestPage
  if (excluded.length === 0) return null
  return (
    <section className="card excluded" aria-labelledby="excluded">
      <header>
        <h2 id="excluded">{words.excluded}</h2>
      </header>
      <p className="muted">{words.excludedText}</p>
      <ul>
        {excluded.map(flow => (
          <li key={`${flow.source} ${flow.destination} ${flow.port}/${flow.protocol} ${flow.code}`}>
            <Icon name="denied" size={14} />
            <span>
              {flow.source} → {flow.destination}{' '}
              <code>
                {flow.port}/{flow.protocol}
              </code>
            </span>
            <span className="muted">
              {entry(t.policies.excludedCodes, flow.code) ?? flow.code} · {words.seen(flow.connections)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

interface ProposalProps {
  readonly suggestion: SuggestionView
  readonly yaml: string
  readonly onChange: (yaml: string) => void
  readonly onSimulate: () => void
}

/** Left what would be allowed and why, right the same as text to change. */
export function Proposal({ suggestion, yaml, onChange, onSimulate }: ProposalProps) {
  const { t } = useI18n()
  const verdict = useValidation(yaml)
  const words = t.policies.suggestPage
  const { policies, notes, excluded } = suggestion
  const rules = policies.reduce((sum, policy) => sum + policy.rules.length, 0)
  const problems = verdict?.problems ?? NONE
  return (
    <>
      <div className="proposal-head">
        <h2>{words.proposed(policies.length, rules)}</h2>
        <Button
          look="primary"
          icon="simulate"
          isDisabled={!verdict || problems.length > 0}
          onPress={onSimulate}
        >
          {words.toSimulate}
        </Button>
      </div>
      <Notes notes={notes} />
      <div className="proposal">
        <section aria-label={words.rulesTitle}>
          {policies.map(policy => (
            <PolicyEvidence key={policy.id} policy={policy} />
          ))}
          <Excluded excluded={excluded} />
        </section>
        <section className="card editor-card" aria-label={words.yamlTitle}>
          <Suspense fallback={<Loading rows={12} />}>
            <YamlEditor
              value={yaml}
              onChange={onChange}
              problems={problems}
              label={t.policies.editor.label}
            />
          </Suspense>
          <footer>
            <span role="status" className={problems.length > 0 ? 'warn' : 'muted'}>
              {verdict === undefined
                ? t.policies.editor.checking
                : problems.length > 0
                  ? t.policies.editor.problems(problems.length)
                  : t.policies.editor.valid(verdict.policies.length)}
            </span>
            <span className="actions">
              <CopyButton value={() => yaml}>{t.app.copy.yaml}</CopyButton>
            </span>
          </footer>
          {yaml !== suggestion.yaml && <p className="muted small edited">{words.edited}</p>}
        </section>
      </div>
    </>
  )
}
