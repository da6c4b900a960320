import { type FilterKey, formatFilter, OUTCOMES } from '@sekisho/core'
import type { ReactNode } from 'react'
import { flowsPlace, suggestPlace } from '../../../app/places.ts'
import { type TimeWindow, windowFlags } from '../../../app/time.ts'
import { useI18n } from '../../../i18n/index.ts'
import { Button, CopyCliButton, CopyLinkButton, Facts, LinkButton, VerdictBadge } from '../../../ui/index.ts'
import { addCounts, type Graph, type Link as MapLink, NO_COUNTS } from '../../graph/graph.ts'
import { portsOf } from '../../render/labels.ts'
import type { Target } from '../../target.ts'
import { nodeLabel, shellQuoted } from '../words.ts'

/** Longer lists are the table's. */
const MOST = 40

export interface DetailsProps {
  readonly graph: Graph
  readonly target: Target
  readonly window: TimeWindow
  readonly onSelect: (target: Target) => void
  readonly onFilter: (filter: string) => void
  readonly onReveal: (target: Target) => void
  readonly onClose: () => void
}

export type Part = Omit<DetailsProps, 'target'>

interface FooterProps {
  readonly filter: string
  readonly namespaces: readonly string[]
  readonly part: Part
  readonly target: Target
}

export const term = (key: FilterKey, value: string): string => formatFilter([{ key, value, not: false }])

export function Actions({ filter, namespaces, part: { window, onFilter, onReveal }, target }: FooterProps) {
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
      <CopyCliButton command={`sekisho flows ${shellQuoted(filter)} ${windowFlags(window)}`} />
      <CopyLinkButton />
    </>
  )
}

export function Counts({ connections, bytes }: Pick<MapLink, 'connections' | 'bytes'>) {
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
export function Links({
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
export const worstFirst = (links: readonly MapLink[]): MapLink[] =>
  links.toSorted((a, b) => RANK[a.outcome] - RANK[b.outcome] || b.bytes - a.bytes)

export const pickLinks = (graph: Graph, indexes: readonly number[]): MapLink[] =>
  worstFirst(indexes.flatMap(index => graph.links[index] ?? []))

/** Counts and bytes of several links together. */
export const sumOf = (links: readonly MapLink[]): Pick<MapLink, 'connections' | 'bytes'> =>
  links.reduce(
    (all, link) => ({
      connections: addCounts(all.connections, link.connections),
      bytes: all.bytes + link.bytes,
    }),
    { connections: NO_COUNTS, bytes: 0 },
  )
