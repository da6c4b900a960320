import type { FlowView } from '@sekisho/control'
import { formatFilter, formatFilterTerm, parseRuleId } from '@sekisho/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useApi } from '../../api/index.ts'
import { flowsPlace, mapPlace, policyPlace } from '../../app/places.ts'
import { last } from '../../app/time.ts'
import { useI18n } from '../../i18n/index.ts'
import {
  CopyButton,
  CopyCliButton,
  Endpoint,
  Facts,
  Failure,
  LinkButton,
  Loading,
  SidePanel,
  Time,
  VerdictBadge,
} from '../../ui/index.ts'
import { Considered, Sentences, SmallestChange } from '../policies/Explained.tsx'

/** How the API and the command line name an end: a workload group by its key, an outside end by its address. */
const named = (end: FlowView['source']): string => (end.kind === 'external' ? end.ip : end.key)

const between = (flow: FlowView): string =>
  formatFilter([
    { key: 'src', value: named(flow.source), not: false },
    { key: 'dst', value: named(flow.destination), not: false },
  ])

const explainCommand = (flow: FlowView): string =>
  `sekisho explain ${named(flow.source)} ${named(flow.destination)} ${flow.port} --protocol ${flow.protocol}` +
  (flow.application === undefined ? '' : ` --application ${flow.application}`)

export function RuleLink({ rule }: { readonly rule: string }) {
  const { t } = useI18n()
  const name = parseRuleId(rule)
  if (!name) return <code>{rule}</code>
  const section = name.index === undefined ? t.flows.panel.defaultDeny : `${name.direction}[${name.index}]`
  return (
    <Link href={policyPlace(name.policy)}>
      {name.namespace && `${name.namespace}/`}
      {name.name} <span className="muted">· {section}</span>
    </Link>
  )
}

/** The engine's own account of the flow, by the policies as they stand now. */
function Explanation({ flow }: { readonly flow: FlowView }) {
  const { t } = useI18n()
  const api = useApi()
  const request = {
    source: named(flow.source),
    destination: named(flow.destination),
    port: flow.port,
    protocol: flow.protocol,
    ...(flow.application === undefined ? {} : { application: flow.application }),
  }
  const query = useQuery({ queryKey: ['policies', 'explain', request], queryFn: () => api.explain(request) })
  if (query.error) return <Failure error={query.error} onRetry={() => void query.refetch()} />
  if (!query.data) return <Loading rows={3} />
  const { sentences, considered, change, outcome } = query.data
  return (
    <>
      <section>
        <h3>{t.flows.panel.why}</h3>
        <p className="muted">
          {t.flows.panel.now} <VerdictBadge outcome={outcome} />
        </p>
        <Sentences sentences={sentences} />
      </section>
      {change !== undefined && <SmallestChange change={change} />}
      <section>
        <h3>{t.flows.panel.considered}</h3>
        <Considered considered={considered} />
      </section>
    </>
  )
}

/** What was asked in these conversations; the record's outcome is what became of it. */
function Requests({ flow }: { readonly flow: FlowView }) {
  const { t, f } = useI18n()
  if (!flow.requests) return null
  return (
    <section>
      <h3>{t.flows.panel.requests}</h3>
      <table className="requests">
        <thead>
          <tr>
            <th>{t.flows.panel.request}</th>
            <th>{t.terms.verdict}</th>
            <th className="number">{t.flows.panel.times}</th>
          </tr>
        </thead>
        <tbody>
          {flow.requests.map(({ name, count }) => (
            <tr key={name}>
              <td>{name === '' ? <i>{t.flows.panel.unnamed}</i> : <code dir="ltr">{name}</code>}</td>
              <td>
                <VerdictBadge outcome={flow.outcome} />
              </td>
              <td className="number">{f.number(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** User, software, fingerprint and the like, as the workloads said it: text from the wire. */
function Details({ flow }: { readonly flow: FlowView }) {
  const { t } = useI18n()
  if (!flow.details) return null
  const facts = [...Map.groupBy(flow.details, ({ detail }) => detail)].map(
    ([detail, said]) =>
      [
        t.flows.panel.detail[detail],
        <ul key={detail} className="said">
          {said.map(({ value }) => (
            <li key={value}>
              <code dir="ltr">{value}</code>
            </li>
          ))}
        </ul>,
      ] as const,
  )
  return (
    <section>
      <h3>{t.flows.panel.details}</h3>
      <Facts facts={facts} />
    </section>
  )
}

interface FlowPanelProps {
  readonly flow: FlowView
  readonly onClose: () => void
}

export function FlowPanel({ flow, onClose }: FlowPanelProps) {
  const { t, f } = useI18n()
  const link = () =>
    new URL(flowsPlace(`${between(flow)} port:${flow.port}`, last('24h')), location.href).href
  const facts = [
    [t.terms.source, <Endpoint key="source" end={flow.source} />],
    [t.terms.destination, <Endpoint key="destination" end={flow.destination} />],
    [t.terms.port, `${flow.port}/${flow.protocol}`],
    [t.terms.application, flow.application],
    [t.terms.rule, flow.by && <RuleLink rule={flow.by} />],
    [t.flows.direction, flow.direction && t.terms.direction[flow.direction]],
    [t.terms.connections, f.number(flow.connections)],
    [t.flows.sent, f.bytes(flow.bytesToDestination)],
    [t.flows.received, f.bytes(flow.bytesToSource)],
    [t.terms.first, <Time key="first" at={flow.first} />],
    [t.terms.last, <Time key="last" at={flow.last} />],
  ] as const

  return (
    <SidePanel
      title={
        <>
          {flow.source.name || flow.source.ip} → {flow.destination.name || flow.destination.ip}
        </>
      }
      subtitle={`${flow.port}/${flow.protocol}`}
      onClose={onClose}
      footer={
        <>
          <CopyCliButton command={explainCommand(flow)} />
          <CopyButton icon="link" value={link}>
            {t.app.copy.link}
          </CopyButton>
          <LinkButton look="quiet" icon="map" href={mapPlace(between(flow))}>
            {t.flows.panel.map}
          </LinkButton>
        </>
      }
    >
      <section className={`verdict-box ${flow.outcome}`}>
        <VerdictBadge outcome={flow.outcome} />
        <p>
          <b>{t.terms.reason[flow.why]}</b>
        </p>
        <p>{t.terms.reasonSentence[flow.why]}</p>
        {flow.by && (
          <p>
            <RuleLink rule={flow.by} />
          </p>
        )}
      </section>
      <Requests flow={flow} />
      <Details flow={flow} />
      <Explanation flow={flow} />
      <section>
        <h3>{t.flows.panel.facts}</h3>
        <Facts facts={facts} />
        <p className="panel-more">
          <Link
            href={flowsPlace(between(flow))}
            title={formatFilterTerm({ key: 'text', value: between(flow), not: false })}
          >
            {t.flows.panel.moreLike}
          </Link>
        </p>
      </section>
    </SidePanel>
  )
}
