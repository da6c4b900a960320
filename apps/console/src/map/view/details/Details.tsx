import { useI18n } from '../../../i18n/index.ts'
import { SidePanel } from '../../../ui/index.ts'
import { AggregateDetails, IslandDetails } from './IslandDetails.tsx'
import { LinkDetails } from './LinkDetails.tsx'
import { NodeDetails } from './NodeDetails.tsx'
import type { DetailsProps, Part } from './parts.tsx'

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
