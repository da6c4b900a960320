import type { Overview } from '@sekisho/control'
import { useOverview } from '../../api/index.ts'
import { flowsPlace, mapPlace, suggestPlace } from '../../app/places.ts'
import { timeWindow, windowQuery } from '../../app/time.ts'
import { useUrlState } from '../../app/url.ts'
import { useI18n } from '../../i18n/index.ts'
import { Ago, EmptyState, Icon, LinkButton, Loaded, Page, TimeWindowPicker } from '../../ui/index.ts'
import { spoken } from '../records/sentence.ts'
import { FirstSteps } from './FirstSteps.tsx'
import { Parts } from './Parts.tsx'
import './overview.css'

const OVERVIEW = { window: timeWindow('1h') }

type Attention = Overview['attention'][number]

function actionPlace({ action, filter = '', details }: Attention): string | undefined {
  switch (action) {
    case 'show-map':
      return mapPlace(filter)
    case 'show-flows':
      return flowsPlace(filter)
    case 'suggest':
      return suggestPlace(typeof details.namespace === 'string' ? [details.namespace] : [])
    case 'review-change':
      return '/policies/changes'
    case 'show-agents':
      return '/agents'
    case 'none':
      return undefined
  }
}

/** The group, where the server names it; one of its pods says less. */
const subjectOf = ({ workload, details }: Attention): string =>
  typeof details.source === 'string' ? details.source : spoken(workload)

/** An attacker is best seen among what it reaches for. */
const ATTACKS: ReadonlySet<Attention['code']> = new Set(['port-scan', 'metadata-probe', 'mining-pool'])
const filterOf = ({ details, filter = '' }: Attention): string =>
  typeof details.source === 'string' ? `src:${details.source}` : filter

const SEVERITY_ICONS = { info: 'info', warning: 'warning', critical: 'critical' } as const

function AttentionItem({ item }: { readonly item: Attention }) {
  const { t } = useI18n()
  const place = actionPlace(item)
  return (
    <li className={`attention ${item.severity}`}>
      <span className="attention-icon">
        <Icon name={SEVERITY_ICONS[item.severity]} />
        <span className="visually-hidden">{t.terms.severity[item.severity]}</span>
      </span>
      <p>
        {t.overview.attention.codes[item.code](subjectOf(item), item.details)}
        {item.details.stopped === true && <b> {t.overview.attention.stopped(Number(item.details.denied))}</b>}
        <span className="muted">
          {' '}
          <Ago at={item.at} />
        </span>
      </p>
      {ATTACKS.has(item.code) && (
        <LinkButton href={mapPlace(filterOf(item))}>{t.overview.action['show-map']}</LinkButton>
      )}
      {place && item.action !== 'none' && (
        <LinkButton href={place}>{t.overview.action[item.action]}</LinkButton>
      )}
    </li>
  )
}

/** "Nothing unusual" may be said only where somebody looks. */
function Quiet({ agents }: Pick<Overview, 'agents'>) {
  const { t } = useI18n()
  if (agents.total === 0) {
    return (
      <EmptyState
        icon="agents"
        title={t.records.agents.empty}
        actions={<LinkButton href="/agents">{t.overview.action['show-agents']}</LinkButton>}
      >
        {t.overview.agents.none}
      </EmptyState>
    )
  }
  return (
    <EmptyState icon="allowed" title={t.overview.attention.none}>
      {t.overview.attention.noneText}
    </EmptyState>
  )
}

function AttentionList({ attention: items, agents }: Pick<Overview, 'attention' | 'agents'>) {
  const { t } = useI18n()
  return (
    <section className="card" aria-labelledby="attention">
      <header>
        <h2 id="attention">{t.overview.attention.title}</h2>
      </header>
      {items.length === 0 ? (
        <Quiet agents={agents} />
      ) : (
        <ul>
          {items.map(item => (
            <AttentionItem
              key={`${item.code} ${item.workload} ${item.filter} ${item.details.node} ${item.details.change}`}
              item={item}
            />
          ))}
        </ul>
      )}
    </section>
  )
}

function Traffic({ flows, learningSince }: Pick<Overview, 'flows' | 'learningSince'>) {
  const { t, f } = useI18n()
  const total = flows.allowed + flows.audited + flows.denied
  return (
    <section className="card figure" aria-labelledby="traffic">
      <h2 id="traffic">{t.overview.traffic.title}</h2>
      <p className="figure-number">{f.compact(total)}</p>
      <p className="muted">{total === 0 ? t.overview.traffic.none : t.overview.traffic.total(total)}</p>
      <Parts
        parts={[
          {
            look: 'allowed',
            label: t.terms.outcome.allowed,
            count: flows.allowed,
            href: flowsPlace('verdict:allowed'),
          },
          {
            look: 'audited',
            label: t.terms.outcome.audited,
            count: flows.audited,
            href: flowsPlace('verdict:audited'),
          },
          {
            look: 'denied',
            label: t.terms.outcome.denied,
            count: flows.denied,
            href: flowsPlace('verdict:denied'),
          },
        ]}
      />
      {learningSince && (
        <p className="muted small">{t.overview.traffic.learning(f.dateTime(learningSince))}</p>
      )}
    </section>
  )
}

function Protection({ protection }: Pick<Overview, 'protection'>) {
  const { t, f } = useI18n()
  const { enforced, audited, unprotected } = protection
  const total = enforced + audited + unprotected
  return (
    <section className="card figure" aria-labelledby="protection">
      <h2 id="protection">{t.overview.protection.title}</h2>
      <p className="figure-number">{f.percent(total === 0 ? 0 : enforced / total)}</p>
      <p className="muted">{t.overview.protection.of(enforced, total)}</p>
      <Parts
        parts={[
          { look: 'enforced', label: t.overview.protection.enforced, count: enforced },
          { look: 'audited', label: t.overview.protection.audited, count: audited },
          { look: 'none', label: t.overview.protection.unprotected, count: unprotected },
        ]}
      />
    </section>
  )
}

function Agents({ agents }: Pick<Overview, 'agents'>) {
  const { t } = useI18n()
  const missing = agents.total - agents.connected
  return (
    <section className="card figure" aria-labelledby="agents">
      <h2 id="agents">{t.overview.agents.title}</h2>
      <p className="figure-number">
        {agents.connected}
        <span className="muted"> / {agents.total}</span>
      </p>
      <p className={missing > 0 ? 'warn' : 'muted'}>
        {agents.total === 0
          ? t.overview.agents.none
          : t.overview.agents.connected(agents.connected, agents.total)}
      </p>
      <Parts
        parts={[
          { look: 'allowed', label: t.records.agents.connected, count: agents.connected, href: '/agents' },
          { look: 'denied', label: t.records.agents.away, count: missing, href: '/agents' },
        ]}
      />
    </section>
  )
}

export default function OverviewPage() {
  const { t } = useI18n()
  const [{ window }, update] = useUrlState(OVERVIEW)
  const query = useOverview(windowQuery(window))
  return (
    <Page
      title={t.overview.title}
      intro={query.data && t.overview.intro(query.data.workloads, query.data.namespaces)}
      actions={<TimeWindowPicker value={window} onChange={next => update({ window: next })} />}
    >
      <Loaded query={query} rows={8}>
        {overview => (
          <>
            <div className="overview-main">
              <AttentionList attention={overview.attention} agents={overview.agents} />
              <FirstSteps overview={overview} />
            </div>
            <div className="figures">
              <Traffic flows={overview.flows} learningSince={overview.learningSince} />
              <Protection protection={overview.protection} />
              <Agents agents={overview.agents} />
            </div>
          </>
        )}
      </Loaded>
    </Page>
  )
}
