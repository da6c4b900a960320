import type { PolicyView } from '@sekisho/control'
import { Link } from 'wouter'
import { usePolicies } from '../../api/index.ts'
import { flowsPlace, POLICIES, policyPlace } from '../../app/places.ts'
import { useUrlState } from '../../app/url.ts'
import { useI18n } from '../../i18n/index.ts'
import { Ago, EmptyState, Icon, LinkButton, Loaded, ModeBadge, Page } from '../../ui/index.ts'
import './policies.css'

const folded = (text: string): string => text.normalize('NFKC').toLowerCase()

interface CountProps {
  readonly count: number
  readonly policy: PolicyView
  readonly verdict: 'denied' | 'audited'
}

function Count({ count, policy, verdict }: CountProps) {
  const { f } = useI18n()
  if (count === 0) return <span className="muted">0</span>
  return (
    <Link href={flowsPlace(`by:${policy.id} verdict:${verdict}`)} className={`count ${verdict}`}>
      {f.number(count)}
    </Link>
  )
}

function PolicyRow({ policy }: { readonly policy: PolicyView }) {
  const { t, f } = useI18n()
  return (
    <tr className="link">
      <td>
        <Link href={policyPlace(policy.id)} className="policy-name">
          {policy.name}
        </Link>
        <div className="muted small">
          {policy.kind} · {policy.namespace || t.terms.clusterWide}
        </div>
      </td>
      <td>
        <ModeBadge mode={policy.mode} />
      </td>
      <td className="number">{f.number(policy.selects)}</td>
      <td className="number">{f.number(policy.rules)}</td>
      <td className="number">
        <Count count={policy.deniedLastHour} policy={policy} verdict="denied" />
      </td>
      <td className="number">
        <Count count={policy.auditedLastHour} policy={policy} verdict="audited" />
      </td>
      <td>
        <Ago at={policy.updatedAt} /> <span className="muted">{t.policies.by(policy.updatedBy)}</span>
      </td>
    </tr>
  )
}

function PolicyTable({ policies }: { readonly policies: readonly PolicyView[] }) {
  const { t } = useI18n()
  const { columns } = t.policies
  return (
    <div className="table-box">
      <table>
        <caption className="visually-hidden">{t.policies.table}</caption>
        <thead>
          <tr>
            <th scope="col">{t.terms.policy}</th>
            <th scope="col">{columns.mode}</th>
            <th scope="col" className="number">
              {columns.selects}
            </th>
            <th scope="col" className="number">
              {columns.rules}
            </th>
            <th scope="col" className="number">
              {columns.denied}
            </th>
            <th scope="col" className="number">
              {columns.audited}
            </th>
            <th scope="col">{columns.updated}</th>
          </tr>
        </thead>
        <tbody>
          {policies.map(policy => (
            <PolicyRow key={policy.id} policy={policy} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

export default function PoliciesPage() {
  const { t } = useI18n()
  const [{ filter }, update] = useUrlState(POLICIES)
  const query = usePolicies()
  const words = t.policies
  const suggest = (
    <LinkButton href="/policies/suggest" look="primary" icon="suggest">
      {words.suggest}
    </LinkButton>
  )
  return (
    <Page
      title={words.title}
      intro={words.intro}
      actions={
        <>
          <LinkButton href="/policies/changes" look="quiet" icon="clock">
            {words.history}
          </LinkButton>
          <LinkButton href="/policies/new" icon="plus">
            {words.write}
          </LinkButton>
          {suggest}
        </>
      }
    >
      <Loaded query={query} rows={10}>
        {({ items }) => {
          if (items.length === 0) {
            return (
              <EmptyState icon="policies" title={words.empty.title} actions={suggest}>
                {words.empty.text}
              </EmptyState>
            )
          }
          const shown = items.filter(policy => folded(policy.id).includes(folded(filter)))
          return (
            <>
              <search className="search-box">
                <Icon name="search" />
                <input
                  type="search"
                  value={filter}
                  placeholder={words.search}
                  aria-label={words.search}
                  onChange={event => update({ filter: event.target.value })}
                />
              </search>
              {shown.length === 0 ? (
                <EmptyState icon="search" title={words.empty.filtered} />
              ) : (
                <PolicyTable policies={shown} />
              )}
            </>
          )
        }}
      </Loaded>
    </Page>
  )
}
