import { OUTCOMES, type Outcome } from '@sekisho/core'
import type { JSX } from 'react'
import { useI18n } from '../../i18n/index.ts'

/** The same strokes as on the canvas: told apart by line and mark first, by colour second. */
const SAMPLES = {
  allowed: <path d="M2 8h34M31 4.5l5 3.5-5 3.5" strokeWidth="2" />,
  audited: <path d="M2 8h34M31 4.5l5 3.5-5 3.5" strokeWidth="2" strokeDasharray="7 4" />,
  denied: <path d="M2 8h34M31 4.5l5 3.5-5 3.5M14 3.5l8 9M22 3.5l-8 9" strokeWidth="3" />,
} as const satisfies Record<Outcome, JSX.Element>

interface LegendProps {
  readonly drawn: number
  readonly all: number
}

export function Legend({ drawn, all }: LegendProps) {
  const { t } = useI18n()
  return (
    <section className="map-legend" aria-label={t.map.legend.label}>
      {OUTCOMES.map(outcome => (
        <span key={outcome} className={`map-sample ${outcome}`}>
          <svg
            aria-hidden="true"
            width="38"
            height="16"
            viewBox="0 0 38 16"
            fill="none"
            stroke="currentColor"
          >
            {SAMPLES[outcome]}
          </svg>
          <span>{t.map.legend[outcome]}</span>
        </span>
      ))}
      {drawn < all && <span className="muted">{t.map.lines(drawn, all)}</span>}
    </section>
  )
}
