import type { MapNode } from '@sekisho/control'
import { useI18n } from '../../../i18n/index.ts'
import { Facts, SidePanel } from '../../../ui/index.ts'
import { askName, nodeLabel } from '../words.ts'
import { Actions, Counts, Links, type Part, pickLinks, sumOf, term } from './parts.tsx'

export function NodeDetails({
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
  const sum = sumOf(links)
  const totals = graph.totals[index]
  const external = node.kind === 'external'
  const name = askName(node)
  return (
    <SidePanel
      title={nodeLabel(node)}
      subtitle={external ? t.map.internet : [node.ownerKind, t.map.instances(node.instances)].join(' ')}
      onClose={part.onClose}
      footer={
        name !== undefined && (
          <Actions
            filter={term('workload', name)}
            namespaces={external ? [] : [node.namespace]}
            part={part}
            target={{ kind: 'node', key: node.key }}
          />
        )
      }
    >
      <Facts
        facts={[
          [t.map.panel.attack, node.attack && t.map.attack[node.attack]],
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
