import type { Overview } from '@sekisho/control'
import { Link } from 'wouter'
import { usePolicies } from '../../api/index.ts'
import { useI18n } from '../../i18n/index.ts'
import { Icon } from '../../ui/index.ts'

const STEPS = ['observe', 'suggest', 'simulate', 'audit', 'enforce'] as const
type Step = (typeof STEPS)[number]

const PLACES = {
  observe: '/map',
  suggest: '/policies/suggest',
  simulate: '/policies/suggest',
  audit: '/policies',
  enforce: '/policies',
} as const satisfies Record<Step, string>

/** From watching to enforcing, with what is done told from the state of the installation, not from clicks. */
export function FirstSteps({ overview }: { readonly overview: Overview }) {
  const { t } = useI18n()
  const policies = usePolicies().data?.items ?? []
  const { flows, protection } = overview
  const enforced = policies.some(policy => policy.mode === 'Enforce')
  const audited = enforced || policies.some(policy => policy.mode === 'Audit')
  const done = {
    observe: flows.allowed + flows.audited + flows.denied > 0,
    suggest: policies.length > 0,
    simulate: audited,
    audit: audited,
    enforce: enforced && protection.enforced > 0,
  } satisfies Record<Step, boolean>
  const next = STEPS.find(step => !done[step])
  if (next === undefined) return null

  return (
    <section className="card steps" aria-labelledby="steps">
      <header>
        <h2 id="steps">{t.overview.steps.title}</h2>
      </header>
      <ol>
        {STEPS.map((step, index) => (
          <li
            key={step}
            className={done[step] ? 'done' : step === next ? 'next' : ''}
            aria-current={step === next ? 'step' : undefined}
          >
            <span className="step-mark" aria-hidden="true">
              {done[step] ? <Icon name="allowed" size={14} /> : index + 1}
            </span>
            <div>
              <h3>
                <Link href={PLACES[step]}>{t.overview.steps[step].title}</Link>
                {done[step] && <span className="visually-hidden"> ({t.overview.steps.done})</span>}
              </h3>
              <p className="muted">{t.overview.steps[step].text}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  )
}
