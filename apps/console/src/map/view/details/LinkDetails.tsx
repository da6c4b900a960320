import type { MapEdge, MapNode } from '@sekisho/control'
import { useQuery } from '@tanstack/react-query'
import { useApi } from '../../../api/index.ts'
import { useI18n } from '../../../i18n/index.ts'
import { RuleLink } from '../../../pages/flows/FlowPanel.tsx'
import { Ago, Code, Facts, SidePanel, useFailure, VerdictBadge } from '../../../ui/index.ts'
import { edgeKey, type Link as MapLink } from '../../graph/graph.ts'
import { isFolded, OTHERS, portText } from '../../graph/port.ts'
import { askName, nodeLabel } from '../words.ts'
import { Actions, Counts, type Part, term } from './parts.tsx'

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
    source: askName(source) ?? '',
    destination: askName(destination) ?? '',
    port: edge.port,
    protocol: edge.protocol,
    ...(edge.application === undefined ? {} : { application: edge.application }),
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
          <Code className="map-yaml">{data.change}</Code>
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
  // What was folded together has no one answer.
  const askable = !isFolded(edge) && source.key !== OTHERS && destination.key !== OTHERS
  return (
    <section className="map-edge">
      <h3>
        {portText(edge)} {edge.application} <VerdictBadge outcome={edge.outcome} />
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
      {askable && (
        <>
          <h3>{t.map.panel.enforceTitle}</h3>
          <WhatIf edge={edge} source={source} destination={destination} />
        </>
      )}
    </section>
  )
}

export function LinkDetails({ link, part }: { readonly link: MapLink; readonly part: Part }) {
  const { graph } = part
  const [source, destination] = [graph.nodes[link.source], graph.nodes[link.destination]]
  if (!source || !destination) return null
  const [from, to] = [askName(source), askName(destination)]
  const filter = [from && term('src', from), to && term('dst', to)].filter(Boolean).join(' ')
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
