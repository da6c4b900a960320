import { useId, useState } from 'react'
import { ToggleButton } from 'react-aria-components/ToggleButton'
import { ToggleButtonGroup } from 'react-aria-components/ToggleButtonGroup'
import { useWorkloadNames } from '../../../api/index.ts'
import { useI18n } from '../../../i18n/index.ts'
import { Button } from '../../../ui/index.ts'
import { AnswerView, Trouble } from './AnswerView.tsx'
import type { Question, QuestionKind } from './question.ts'
import { useEngine } from './useEngine.ts'
import './ask.css'

const KINDS = ['explain', 'reach', 'difference'] as const satisfies readonly QuestionKind[]
/** Ends of proofs that are no workload; words of the engine, the same in every language. */
const SETS = ['outside', 'anything', 'workloads', 'nodes']

interface EndFieldProps {
  readonly label: string
  readonly value: string
  readonly suggestions: readonly string[]
  readonly onChange: (value: string) => void
}

/** Free text with suggestions by the browser: an end may be a workload, a label, an address or a block. */
function EndField({ label, value, suggestions, onChange }: EndFieldProps) {
  const list = useId()
  return (
    <label className="field">
      <span>{label}</span>
      <input
        value={value}
        list={list}
        autoComplete="off"
        spellCheck={false}
        required
        onChange={event => onChange(event.target.value)}
      />
      <datalist id={list}>
        {suggestions.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  )
}

const START = {
  explain: { from: '', to: '', port: '' },
  reach: { from: 'outside', to: '', port: 'any' },
} as const

function BetweenForm({
  kind,
  busy,
  onAsk,
}: {
  readonly kind: 'explain' | 'reach'
  readonly busy: boolean
  readonly onAsk: (question: Question) => void
}) {
  const { t } = useI18n()
  const { ask } = t.policies
  const names = useWorkloadNames()
  const [asked, setAsked] = useState<{ from: string; to: string; port: string }>(START[kind])
  const set = (part: Partial<typeof asked>) => setAsked({ ...asked, ...part })
  const suggestions = kind === 'reach' ? [...SETS, ...names] : names
  return (
    <form
      className="ask-form"
      onSubmit={event => {
        event.preventDefault()
        onAsk({ kind, from: asked.from.trim(), to: asked.to.trim(), port: asked.port.trim() || 'any' })
      }}
    >
      <EndField
        label={t.terms.source}
        value={asked.from}
        suggestions={suggestions}
        onChange={from => set({ from })}
      />
      <EndField
        label={t.terms.destination}
        value={asked.to}
        suggestions={suggestions}
        onChange={to => set({ to })}
      />
      <label className="field ask-port">
        <span>{t.terms.port}</span>
        <input
          value={asked.port}
          placeholder="443/TCP"
          autoComplete="off"
          required
          onChange={event => set({ port: event.target.value })}
        />
      </label>
      <Button type="submit" icon="search" isDisabled={busy}>
        {ask.submit[kind]}
      </Button>
    </form>
  )
}

interface AskPanelProps {
  readonly yaml: string
  /** Without mistakes: nothing can be asked about a text that is no policy. */
  readonly valid: boolean
}

/** What the policy would do, asked of the same engine that will enforce it, before it is applied. */
export function AskPanel({ yaml, valid }: AskPanelProps) {
  const { t } = useI18n()
  const { ask } = t.policies
  const [kind, setKind] = useState<QuestionKind>('explain')
  const engine = useEngine()
  const onAsk = (question: Question) => engine.ask(yaml, question)
  const busy = engine.isPending || !valid
  const stale = engine.variables !== undefined && engine.variables.yaml !== yaml
  return (
    <section className="card ask" aria-labelledby="ask-title">
      <header>
        <div>
          <h2 id="ask-title">{ask.title}</h2>
          <p className="muted">{ask.intro[kind]}</p>
        </div>
        <ToggleButtonGroup
          className="segments"
          aria-label={ask.title}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[kind]}
          onSelectionChange={keys => {
            setKind(KINDS.find(candidate => keys.has(candidate)) ?? 'explain')
            engine.cancel()
          }}
        >
          {KINDS.map(each => (
            <ToggleButton key={each} id={each}>
              {ask.kind[each]}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
      </header>
      {kind === 'difference' ? (
        <div className="ask-form">
          <Button icon="simulate" isDisabled={busy} onPress={() => onAsk({ kind })}>
            {ask.submit.difference}
          </Button>
        </div>
      ) : (
        <BetweenForm key={kind} kind={kind} busy={busy} onAsk={onAsk} />
      )}
      <div>
        <div role="status" className="ask-status">
          {!valid && <p className="muted">{ask.invalid}</p>}
          {engine.isPending && (
            <p>
              {ask.running(engine.covered?.pieces ?? 0)}{' '}
              <Button look="quiet" icon="close" onPress={engine.cancel}>
                {ask.cancel}
              </Button>
            </p>
          )}
          {stale && !engine.isPending && <p className="muted">{ask.stale}</p>}
          {engine.error && <Trouble error={engine.error} />}
          {engine.data && <span className="visually-hidden">{ask.answered}</span>}
        </div>
        {engine.data && engine.variables && (
          <AnswerView answer={engine.data} question={engine.variables.question} />
        )}
      </div>
    </section>
  )
}
