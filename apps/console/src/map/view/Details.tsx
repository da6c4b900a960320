import type { MapEdge, MapNode } from '@sekisho/control'
import { type FilterKey, formatFilter, OUTCOMES } from '@sekisho/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useApi } from '../../api/index.ts'
import { flowsPlace, suggestPlace } from '../../app/places.ts'
import { type TimeWindow, windowFlags } from '../../app/time.ts'
import { useI18n } from '../../i18n/index.ts'
import { RuleLink } from '../../pages/flows/FlowPanel.tsx'
import {
  Ago,
  Button,
  CopyCliButton,
  CopyLinkButton,
  Facts,
  LinkButton,
  SidePanel,
  useFailure,
  VerdictBadge,
} from '../../ui/index.ts'
import { islandTotals, protection } from '../graph/aggregate.ts'
import {
  addCounts,
  edgeKey,
  type Graph,
  islandOf,
  type Link as MapLink,
  NO_COUNTS,
  OUTSIDE,
} from '../graph/graph.ts'
import { portsOf } from '../render/labels.ts'
import type { Target } from '../target.ts'
import { nodeLabel } from './words.ts'

/** Longer lists are the table's. */
const MOST = 40

interface DetailsProps {
  readonly graph: Graph
  readonly target: Target
  readonly window: TimeWindow
  readonly onSelect: (target: Target) => void
  readonly onFilter: (filter: string) => void
  readonly onReveal: (target: Target) => void
  readonly onClose: () => void
}

type Part = Omit<DetailsProps, 'target'>

interface FooterProps {
  readonly filter: string
  readonly namespaces: readonly string[]
  readonly part: Part
  readonly target: Target
}

const term = (key: FilterKey, value: string): string => formatFilter([{ key, value, not: false }])

function Actions({ filter, namespaces, part: { window, onFilter, onReveal }, target }: FooterProps) {
  const { t } = useI18n()
  return (
    <>
      <LinkButton href={flowsPlace(filter, window)} icon="flows">
        {t.map.panel.showFlows}
      </LinkButton>
      {namespaces.length > 0 && (
        <LinkButton href={suggestPlace(namespaces)} icon="suggest">
          {t.map.panel.suggest}
        </LinkButton>
      )}
      <Button look="quiet" icon="filter" onPress={() => onFilter(filter)}>
        {t.map.panel.filter}
      </Button>
      <Button look="quiet" icon="search" onPress={() => onReveal(target)}>
        {t.map.panel.zoomTo}
      </Button>
      <CopyCliButton command={`sekisho flows '${filter}' ${windowFlags(window)}`} />
      <CopyLinkButton />
    </>
  )
}

function Counts({ connections, bytes }: Pick<MapLink, 'connections' | 'bytes'>) {
  const { t, f } = useI18n()
  return (
    <Facts
      facts={[
        ...OUTCOMES.map((outcome): readonly [string, ReactNode] => [
          t.terms.outcome[outcome],
          connections[outcome] === 0 && outcome !== 'allowed' ? undefined : f.number(connections[outcome]),
        ]),
        [t.terms.bytes, f.bytes(bytes)],
      ]}
    />
  )
}

/** Links as buttons that open the link's own details; worst first. */
function Links({
  links,
  graph,
  onSelect,
}: { readonly links: readonly MapLink[] } & Pick<Part, 'graph' | 'onSelect'>) {
  const { t, f } = useI18n()
  const label = (index: number): string => {
    const node = graph.nodes[index]
    return node ? nodeLabel(node) : ''
  }
  return (
    <ul className="map-links">
      {links.slice(0, MOST).map(link => {
        const [source, destination] = [graph.nodes[link.source], graph.nodes[link.destination]]
        if (!source || !destination) return null
        const { allowed, audited, denied } = link.connections
        return (
          <li key={`${source.key}>${destination.key}`}>
            <button
              type="button"
              onClick={() => onSelect({ kind: 'link', source: source.key, destination: destination.key })}
            >
              <VerdictBadge outcome={link.outcome} />
              <span>
                {label(link.source)} → {label(link.destination)}
                <span className="muted"> {portsOf(link, t.map)}</span>
              </span>
              <span className="number">{f.compact(allowed + audited + denied)}</span>
            </button>
          </li>
        )
      })}
      {links.length > MOST && <li className="muted">{t.map.panel.more(links.length - MOST)}</li>}
    </ul>
  )
}

const RANK = { denied: 0, audited: 1, allowed: 2 } as const
const worstFirst = (links: readonly MapLink[]): MapLink[] =>
  links.toSorted((a, b) => RANK[a.outcome] - RANK[b.outcome] || b.bytes - a.bytes)

const pickLinks = (graph: Graph, indexes: readonly number[]): MapLink[] =>
  worstFirst(indexes.flatMap(index => graph.links[index] ?? []))

function NodeDetails({
  node,
  index,
  part,
}: {
  readonly node: MapNode
  readonly index: number
  readonly part: Part
}) {
  const { t, f } = useI18n()
  const { graph } = part
  const links = pickLinks(graph, graph.incident[index] ?? [])
  const sum = links.reduce(
    (all, link) => ({
      connections: addCounts(all.connections, link.connections),
      bytes: all.bytes + link.bytes,
    }),
    { connections: NO_COUNTS, bytes: 0 },
  )
  const totals = graph.totals[index]
  const external = node.kind === 'external'
  const filter = term('workload', external ? node.key : nodeLabel(node))
  return (
    <SidePanel
      title={nodeLabel(node)}
      subtitle={external ? t.map.internet : [node.ownerKind, t.map.instances(node.instances)].join(' ')}
      onClose={part.onClose}
      footer={
        <Actions
          filter={filter}
          namespaces={external ? [] : [node.namespace]}
          part={part}
          target={{ kind: 'node', key: node.key }}
        />
      }
    >
      <Facts
        facts={[
          [t.map.panel.protectionIn, external ? undefined : t.map.state[node.ingress]],
          [t.map.panel.protectionOut, external ? undefined : t.map.state[node.egress]],
          [t.map.panel.inbound, f.number(totals?.inbound ?? 0)],
          [t.map.panel.outbound, f.number(totals?.outbound ?? 0)],
        ]}
      />
      <Counts {...sum} />
      <Links links={links} graph={graph} onSelect={part.onSelect} />
    </SidePanel>
  )
}

/** A question to the policy engine: the answer is the model's, not a guess from the counts. */
function WhatIf({
  edge,
  source,
  destination,
}: {
  readonly edge: MapEdge
  readonly source: MapNode
  readonly destination: MapNode
}) {
  const { t, locale } = useI18n()
  const api = useApi()
  const failure = useFailure()
  const ask = {
    source: source.kind === 'external' ? source.key : nodeLabel(source),
    destination: destination.kind === 'external' ? destination.key : nodeLabel(destination),
    port: edge.port,
    protocol: edge.protocol,
  }
  const { data, error } = useQuery({
    queryKey: ['policies', 'explain', ask],
    queryFn: () => api.explain(ask),
  })
  if (error) return <p className="muted">{failure(error)}</p>
  if (!data) return <p className="muted">{t.map.panel.asking}</p>
  return (
    <>
      <p>
        <b>{t.map.panel.enforce[data.outcome]}</b>
      </p>
      {data.sentences[locale].map(sentence => (
        <p key={sentence} className="muted">
          {sentence}
        </p>
      ))}
      {data.change !== undefined && (
        <details>
          <summary>{t.map.panel.change}</summary>
          <pre className="map-yaml">{data.change}</pre>
        </details>
      )}
    </>
  )
}

function EdgeDetails({
  edge,
  source,
  destination,
}: {
  readonly edge: MapEdge
  readonly source: MapNode
  readonly destination: MapNode
}) {
  const { t } = useI18n()
  return (
    <section className="map-edge">
      <h3>
        {edge.port}/{edge.protocol} {edge.application} <VerdictBadge outcome={edge.outcome} />
      </h3>
      <Counts connections={edge.connections} bytes={edge.bytes} />
      <Facts
        facts={[
          [t.terms.first, <Ago key="first" at={edge.first} />],
          [t.terms.last, <Ago key="last" at={edge.last} />],
          [t.map.panel.why, t.terms.reasonSentence[edge.why]],
          [t.map.panel.decidedBy, edge.by && <RuleLink key="by" rule={edge.by} />],
        ]}
      />
      <h3>{t.map.panel.enforceTitle}</h3>
      <WhatIf edge={edge} source={source} destination={destination} />
    </section>
  )
}

function LinkDetails({ link, part }: { readonly link: MapLink; readonly part: Part }) {
  const { graph } = part
  const [source, destination] = [graph.nodes[link.source], graph.nodes[link.destination]]
  if (!source || !destination) return null
  const filter = `${term('src', nodeLabel(source))} ${term('dst', nodeLabel(destination))}`
  const protectedSide = [destination, source].find(node => node.kind === 'workload')
  return (
    <SidePanel
      title={`${nodeLabel(source)} → ${nodeLabel(destination)}`}
      onClose={part.onClose}
      footer={
        <Actions
          filter={filter}
          namespaces={protectedSide ? [protectedSide.namespace] : []}
          part={part}
          target={{ kind: 'link', source: source.key, destination: destination.key }}
        />
      }
    >
      {link.edges.map(edge => (
        <EdgeDetails key={edgeKey(edge)} edge={edge} source={source} destination={destination} />
      ))}
    </SidePanel>
  )
}

function IslandDetails({ name, part }: { readonly name: string; readonly part: Part }) {
  const { t, f } = useI18n()
  const { graph } = part
  const totals = islandTotals(graph).get(name)
  if (!totals) return null
  const outside = name === OUTSIDE
  const inside = (index: number): boolean => {
    const node = graph.nodes[index]
    return node !== undefined && islandOf(node) === name
  }
  const links = graph.links.filter(link => inside(link.source) || inside(link.destination))
  return (
    <SidePanel
      title={outside ? t.map.internet : name}
      subtitle={outside ? undefined : t.map.protection[protection(totals)]}
      onClose={part.onClose}
      footer={
        outside ? undefined : (
          <Actions
            filter={term('ns', name)}
            namespaces={[name]}
            part={part}
            target={{ kind: 'island', name }}
          />
        )
      }
    >
      <Facts
        facts={[
          [t.map.panel.workloads, f.number(totals.nodes)],
          [t.map.protection.enforce, outside ? undefined : f.number(totals.enforced)],
          [t.map.protection.audit, outside ? undefined : f.number(totals.auditing)],
          [t.map.protection.none, outside ? undefined : f.number(totals.open)],
        ]}
      />
      <Links links={worstFirst(links)} graph={graph} onSelect={part.onSelect} />
    </SidePanel>
  )
}

function AggregateDetails({
  target,
  part,
}: {
  readonly target: Target & { kind: 'aggregate' }
  readonly part: Part
}) {
  const { t } = useI18n()
  const { graph } = part
  const label = (name: string): string => (name === OUTSIDE ? t.map.internet : name)
  const from = (index: number, name: string): boolean => {
    const node = graph.nodes[index]
    return node !== undefined && islandOf(node) === name
  }
  const links = graph.links.filter(
    link => from(link.source, target.source) && from(link.destination, target.destination),
  )
  const sum = links.reduce(
    (all, link) => ({
      connections: addCounts(all.connections, link.connections),
      bytes: all.bytes + link.bytes,
    }),
    { connections: NO_COUNTS, bytes: 0 },
  )
  return (
    <SidePanel
      title={`${label(target.source)} → ${label(target.destination)}`}
      subtitle={t.map.panel.peers(links.length)}
      onClose={part.onClose}
    >
      <Counts {...sum} />
      <Links links={worstFirst(links)} graph={graph} onSelect={part.onSelect} />
    </SidePanel>
  )
}

function Gone({ part }: { readonly part: Part }) {
  const { t } = useI18n()
  return (
    <SidePanel title={t.map.title} onClose={part.onClose}>
      <p>{t.map.panel.gone}</p>
    </SidePanel>
  )
}

export function Details({ target, ...part }: DetailsProps) {
  const { graph } = part
  switch (target.kind) {
    case 'node': {
      const index = graph.indexOf.get(target.key)
      const node = index === undefined ? undefined : graph.nodes[index]
      return node && index !== undefined ? (
        <NodeDetails node={node} index={index} part={part} />
      ) : (
        <Gone part={part} />
      )
    }
    case 'link': {
      const [source, destination] = [graph.indexOf.get(target.source), graph.indexOf.get(target.destination)]
      const link = graph.links.find(other => other.source === source && other.destination === destination)
      return link ? <LinkDetails link={link} part={part} /> : <Gone part={part} />
    }
    case 'island':
      return <IslandDetails name={target.name} part={part} />
    case 'aggregate':
      return <AggregateDetails target={target} part={part} />
  }
}
