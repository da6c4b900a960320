import type { SuggestionView } from '@sekisho/control'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Checkbox } from 'react-aria-components/Checkbox'
import { Radio, RadioGroup } from 'react-aria-components/RadioGroup'
import { useApi, useMap } from '../../api/index.ts'
import { SUGGEST } from '../../app/places.ts'
import { windowQuery } from '../../app/time.ts'
import { type UrlUpdate, useUrlState } from '../../app/url.ts'
import { useI18n } from '../../i18n/index.ts'
import { Button, EmptyState, Failure, Icon, Loaded, Loading, Page, TimeWindowPicker } from '../../ui/index.ts'
import { ApplyBar } from './ApplyBar.tsx'
import { Proposal } from './Proposal.tsx'
import { SimulationResult } from './SimulationResult.tsx'
import { useValidation } from './validation.ts'
import './policies.css'

type State = {
  readonly [K in keyof typeof SUGGEST]: ReturnType<(typeof SUGGEST)[K]['parse']>
}
interface StepProps {
  readonly state: State
  readonly update: UrlUpdate<State>
}

const STEPS = ['choose', 'review', 'simulate'] as const
const KINDS = ['SecurityPolicy', 'NetworkPolicy'] as const

function Stepper({ state, update }: StepProps) {
  const { t } = useI18n()
  const words = t.policies.suggestPage
  const here = STEPS.indexOf(state.step)
  return (
    <ol className="stepper" aria-label={words.stepsLabel}>
      {STEPS.map((step, index) => (
        <li
          key={step}
          aria-current={index === here ? 'step' : undefined}
          className={index < here ? 'done' : ''}
        >
          <span className="step-mark" aria-hidden="true">
            {index < here ? <Icon name="allowed" size={14} /> : index + 1}
          </span>
          {index < here ? (
            <button type="button" onClick={() => update({ step }, { replace: false })}>
              {words.steps[step]}
            </button>
          ) : (
            <span>{words.steps[step]}</span>
          )}
        </li>
      ))}
    </ol>
  )
}

interface NamespaceChoiceProps {
  readonly names: readonly { readonly name: string; readonly workloads: number }[]
  readonly chosen: readonly string[]
  readonly onChange: (names: readonly string[]) => void
}

function NamespaceChoice({ names, chosen, onChange }: NamespaceChoiceProps) {
  const { t } = useI18n()
  const words = t.policies.suggestPage
  const toggle = (name: string, on: boolean) =>
    onChange(on ? [...chosen, name] : chosen.filter(other => other !== name))
  return (
    <fieldset className="choice">
      <legend>{words.namespaces}</legend>
      <p className="muted">{words.namespacesHint}</p>
      <div className="choice-list">
        {names.map(({ name, workloads }) => (
          <Checkbox
            key={name}
            className="check"
            isSelected={chosen.includes(name)}
            onChange={on => toggle(name, on)}
          >
            <span className="check-box" aria-hidden="true">
              <Icon name="allowed" size={14} />
            </span>
            <span>
              <b>{name}</b> <span className="muted">{words.workloads(workloads)}</span>
            </span>
          </Checkbox>
        ))}
      </div>
    </fieldset>
  )
}

function Choose({ state, update }: StepProps) {
  const { t } = useI18n()
  const words = t.policies.suggestPage
  const map = useMap(windowQuery(state.window))
  return (
    <Loaded query={map} rows={6}>
      {({ namespaces }) => {
        if (namespaces.length === 0) {
          return (
            <EmptyState icon="agents" title={words.noNamespaces}>
              {words.noNamespacesText}
            </EmptyState>
          )
        }
        // Nothing chosen in the address means everything.
        const chosen = state.ns.length > 0 ? state.ns : namespaces.map(({ name }) => name)
        return (
          <div className="card choose">
            <NamespaceChoice names={namespaces} chosen={chosen} onChange={ns => update({ ns })} />
            <RadioGroup
              className="choice"
              value={state.kind}
              onChange={value => update({ kind: KINDS.find(kind => kind === value) ?? 'SecurityPolicy' })}
              aria-label={words.kind}
            >
              <span className="legend">{words.kind}</span>
              {KINDS.map(kind => (
                <Radio key={kind} value={kind} className="check">
                  <span className="check-box round" aria-hidden="true" />
                  <span>
                    <b>{kind}</b> <span className="muted">{words.kindHint[kind]}</span>
                  </span>
                </Radio>
              ))}
            </RadioGroup>
            <div className="choice">
              <span className="legend">{words.learnFrom}</span>
              <div>
                <TimeWindowPicker value={state.window} onChange={window => update({ window })} />
              </div>
            </div>
            <div className="actions end">
              <Button
                look="primary"
                icon="suggest"
                isDisabled={chosen.length === 0}
                onPress={() => update({ ns: chosen, step: 'review' }, { replace: false })}
              >
                {words.propose}
              </Button>
            </div>
          </div>
        )
      }}
    </Loaded>
  )
}

interface SimulateProps extends StepProps {
  readonly yaml: string
}

function Simulate({ yaml, state }: SimulateProps) {
  const { t } = useI18n()
  const api = useApi()
  const verdict = useValidation(yaml)
  const query = useQuery({
    queryKey: ['simulate', yaml, state.window],
    queryFn: () => api.simulate(yaml, windowQuery(state.window)),
  })
  const words = t.policies.simulation
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />
  if (!query.data) {
    return (
      <>
        <p>{words.running}</p>
        <Loading rows={5} />
      </>
    )
  }
  return (
    <>
      <SimulationResult result={query.data} />
      <div className="actions">
        <Button icon="simulate" isDisabled={query.isFetching} onPress={() => void query.refetch()}>
          {words.again}
        </Button>
      </div>
      <ApplyBar yaml={yaml} policies={verdict?.policies.length ?? 0} simulation={query.data} />
    </>
  )
}

interface LaterStepsProps extends StepProps {
  readonly suggestion: SuggestionView
}

/** Review and simulation share the text, which may be edited between them. */
function LaterSteps({ suggestion, state, update }: LaterStepsProps) {
  const { t } = useI18n()
  const [edited, setEdited] = useState<string>()
  const words = t.policies.suggestPage
  if (suggestion.policies.length === 0) {
    return (
      <EmptyState
        icon="suggest"
        title={words.nothing}
        actions={<Button onPress={() => update({ step: 'choose' })}>{words.back}</Button>}
      >
        {words.nothingText}
      </EmptyState>
    )
  }
  const yaml = edited ?? suggestion.yaml
  if (state.step === 'simulate') return <Simulate yaml={yaml} state={state} update={update} />
  return (
    <Proposal
      suggestion={suggestion}
      yaml={yaml}
      onChange={text => setEdited(text === suggestion.yaml ? undefined : text)}
      onSimulate={() => update({ step: 'simulate' }, { replace: false })}
    />
  )
}

function Suggestion(props: StepProps) {
  const { t } = useI18n()
  const api = useApi()
  const { ns, kind, window } = props.state
  // None in the address means all.
  const request = { ...(ns.length > 0 && { namespaces: ns }), kind, ...windowQuery(window) }
  const query = useQuery({
    queryKey: ['suggest', request],
    queryFn: () => api.suggest(request),
    // A proposal must not change under the eyes of who reads it.
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />
  if (!query.data) {
    return (
      <>
        <p>{t.policies.suggestPage.proposing}</p>
        <Loading rows={8} />
      </>
    )
  }
  return <LaterSteps {...props} suggestion={query.data} />
}

export default function SuggestPage() {
  const { t } = useI18n()
  const [state, update] = useUrlState<State>(SUGGEST)
  const words = t.policies.suggestPage
  return (
    <Page title={words.title} intro={words.intro}>
      <Stepper state={state} update={update} />
      {state.step === 'choose' ? (
        <Choose state={state} update={update} />
      ) : (
        <Suggestion state={state} update={update} />
      )}
    </Page>
  )
}
