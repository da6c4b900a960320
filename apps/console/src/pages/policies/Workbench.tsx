import type { Problem } from '@sekisho/core'
import type { NotEnforced } from '@sekisho/policy'
import { notEnforcedText } from '@sekisho/policy/not-enforced'
import { useMutation } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { useApi } from '../../api/index.ts'
import { type TimeWindow, windowQuery } from '../../app/time.ts'
import { useI18n } from '../../i18n/index.ts'
import { Button, CopyButton, Failure, Icon, Loading } from '../../ui/index.ts'
import { ApplyBar } from './ApplyBar.tsx'
import { AskPanel } from './ask/AskPanel.tsx'
import { SimulationResult } from './SimulationResult.tsx'
import { useValidation } from './validation.ts'
import './policies.css'

const YamlEditor = lazy(() => import('./YamlEditor.tsx'))
const NONE: readonly Problem[] = []

function Problems({ problems }: { readonly problems: readonly Problem[] }) {
  const { t } = useI18n()
  return (
    <ul className="problems">
      {problems.map(problem => (
        <li key={`${problem.document} ${problem.path} ${problem.reason}`}>
          <Icon name="warning" size={14} />
          <span>
            {problem.line !== undefined && (
              <span className="muted">{t.policies.editor.at(problem.line)} </span>
            )}
            {problem.path && <code>{problem.path}</code>} {problem.reason}
          </span>
        </li>
      ))}
    </ul>
  )
}

/** What would be applied and not enforced: an Allow rule that allows nothing is no surprise then. */
function NotEnforcedYet({ parts }: { readonly parts: readonly NotEnforced[] }) {
  const { locale } = useI18n()
  return (
    <ul className="problems">
      {parts.map(({ policy, rule, action, what }) => (
        <li key={`${rule ?? policy} ${what}`}>
          <Icon name="warning" size={14} />
          <span>
            <code>{rule ?? policy}</code> {notEnforcedText({ what, action }, locale)}
          </span>
        </li>
      ))}
    </ul>
  )
}

interface WorkbenchProps {
  readonly yaml: string
  readonly onChange: (yaml: string) => void
  /** What is in force now; simulating and applying it again would do nothing. */
  readonly saved?: string
  /** The recorded flows to simulate against. */
  readonly window: TimeWindow
  readonly onApplied?: () => void
}

/** Editor, validation, simulation and the way into force: the same for a new policy and for one that is changed. */
export function Workbench({ yaml, onChange, saved, window, onApplied }: WorkbenchProps) {
  const { t } = useI18n()
  const api = useApi()
  const verdict = useValidation(yaml)
  const simulate = useMutation({ mutationFn: (text: string) => api.simulate(text, windowQuery(window)) })
  const simulation = simulate.variables === yaml ? simulate.data : undefined
  const problems = verdict?.problems ?? NONE
  const { editor } = t.policies
  const unchanged = saved === yaml
  const status = () => {
    if (verdict === undefined) return editor.checking
    return problems.length > 0 ? editor.problems(problems.length) : editor.valid(verdict.policies.length)
  }

  return (
    <div className="workbench">
      <section className="card editor-card" aria-label={editor.label}>
        <Suspense fallback={<Loading rows={10} />}>
          <YamlEditor value={yaml} onChange={onChange} problems={problems} label={editor.label} />
        </Suspense>
        <footer>
          <span role="status" className={problems.length > 0 ? 'warn' : 'muted'}>
            {status()}
          </span>
          {saved !== undefined && (
            <span className="muted">{unchanged ? editor.unchanged : editor.unsaved}</span>
          )}
          <span className="actions">
            {saved !== undefined && !unchanged && (
              <Button look="quiet" icon="undo" onPress={() => onChange(saved)}>
                {editor.discard}
              </Button>
            )}
            <CopyButton value={() => yaml}>{t.app.copy.yaml}</CopyButton>
            <Button
              icon="simulate"
              isDisabled={!verdict || problems.length > 0 || simulate.isPending}
              onPress={() => simulate.mutate(yaml)}
            >
              {editor.simulate}
            </Button>
          </span>
        </footer>
        {problems.length > 0 && <Problems problems={problems} />}
        {verdict && verdict.notEnforced.length > 0 && <NotEnforcedYet parts={verdict.notEnforced} />}
      </section>
      <p className="muted small">{editor.hint}</p>
      <AskPanel yaml={yaml} valid={verdict !== undefined && problems.length === 0} />
      {simulate.isPending && <p role="status">{t.policies.simulation.running}</p>}
      {simulate.error && <Failure error={simulate.error} />}
      {simulation && <SimulationResult result={simulation} />}
      {!unchanged && (
        <ApplyBar
          yaml={yaml}
          policies={verdict?.policies.length ?? 0}
          simulation={simulation}
          asWritten
          {...(onApplied && { onApplied })}
        />
      )}
    </div>
  )
}
