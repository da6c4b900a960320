import type { EventSeverity, Mode, Outcome } from '@sekisho/core'
import { useI18n } from '../i18n/index.ts'
import { Icon, type IconName } from './Icon.tsx'

const SEVERITY_ICONS = {
  info: 'info',
  warning: 'warning',
  critical: 'critical',
} as const satisfies Record<EventSeverity, IconName>

/** Told apart by icon and text, not by colour alone. */
export function VerdictBadge({ outcome }: { readonly outcome: Outcome }) {
  const { t } = useI18n()
  return (
    <span className={`badge ${outcome}`} title={t.terms.outcomeHint[outcome]}>
      <Icon name={outcome} size={14} />
      {t.terms.outcome[outcome]}
    </span>
  )
}

const MODE_LOOK = {
  Learn: ['neutral', 'search'],
  Audit: ['audited', 'audited'],
  Enforce: ['enforced', 'lock'],
} as const satisfies Record<Mode, readonly [string, IconName]>

export function ModeBadge({ mode }: { readonly mode: Mode }) {
  const { t } = useI18n()
  const [look, icon] = MODE_LOOK[mode]
  return (
    <span className={`badge ${look}`} title={t.terms.modeHint[mode]}>
      <Icon name={icon} size={14} />
      {t.terms.mode[mode]}
    </span>
  )
}

export function SeverityBadge({ severity }: { readonly severity: EventSeverity }) {
  const { t } = useI18n()
  return (
    <span className={`badge severity-${severity}`}>
      <Icon name={SEVERITY_ICONS[severity]} size={14} />
      {t.terms.severity[severity]}
    </span>
  )
}
