import type { SimulationView } from '@sekisho/control'
import { useState } from 'react'
import { useI18n } from '../../i18n/index.ts'
import { Button, ConfirmDialog, Icon } from '../../ui/index.ts'
import { useApply } from './apply.ts'

interface ApplyBarProps {
  readonly yaml: string
  /** How many documents the YAML holds; nothing can be applied while it is zero. */
  readonly policies: number
  /** Of exactly this YAML; undefined when it has not been simulated. */
  readonly simulation: SimulationView | undefined
  readonly onApplied?: () => void
  /** Also offer to apply the documents with the modes they name themselves. */
  readonly asWritten?: boolean
}

/** The way from a text to the kernel: Audit first, or Enforce on trial after a question that names what would break. */
export function ApplyBar({ yaml, policies, simulation, onApplied, asWritten = false }: ApplyBarProps) {
  const { t } = useI18n()
  const { busy, apply } = useApply()
  const [asking, setAsking] = useState(false)
  const words = t.policies.apply
  const disabled = busy || policies === 0
  const run = async (mode?: 'Audit' | 'Enforce') => {
    if (await apply(yaml, mode)) onApplied?.()
  }

  return (
    <section className="apply" aria-labelledby="apply-title">
      <h2 id="apply-title">{words.title}</h2>
      <div className="apply-choices">
        <div>
          <Button icon="audited" isDisabled={disabled} onPress={() => void run('Audit')}>
            {words.audit}
          </Button>
          <p className="muted">{words.auditText}</p>
        </div>
        <div>
          <Button look="primary" icon="lock" isDisabled={disabled} onPress={() => setAsking(true)}>
            {words.enforce}
          </Button>
          <p className="muted">{words.enforceText}</p>
        </div>
        {asWritten && (
          <div>
            <Button look="quiet" isDisabled={disabled} onPress={() => void run()}>
              {words.asWritten}
            </Button>
          </div>
        )}
      </div>
      {asking && (
        <ConfirmDialog
          title={words.confirmTitle}
          confirm={words.enforce}
          onConfirm={() => void run('Enforce')}
          onClose={() => setAsking(false)}
        >
          <p>{words.confirmText(policies)}</p>
          {simulation === undefined && (
            <p className="warn">
              <Icon name="warning" size={14} /> {words.notSimulated}
            </p>
          )}
          {simulation !== undefined && simulation.legitimateBroken > 0 && (
            <p className="warn">
              <Icon name="warning" size={14} /> {words.broken(simulation.legitimateBroken)}
            </p>
          )}
        </ConfirmDialog>
      )}
    </section>
  )
}
