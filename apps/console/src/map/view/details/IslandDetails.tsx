import { useI18n } from '../../../i18n/index.ts'
import { Facts, SidePanel } from '../../../ui/index.ts'
import { islandTotals, protection } from '../../graph/aggregate.ts'
import { islandOf, OUTSIDE } from '../../graph/graph.ts'
import type { Target } from '../../target.ts'
import { Actions, Counts, Links, type Part, sumOf, term, worstFirst } from './parts.tsx'

export function IslandDetails({ name, part }: { readonly name: string; readonly part: Part }) {
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

export function AggregateDetails({
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
  const sum = sumOf(links)
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
