import type { MapNode, MapView } from '@sekisho/control'
import type { I18n } from '../../i18n/index.ts'
import { protection } from '../graph/aggregate.ts'
import { OUTSIDE } from '../graph/graph.ts'
import { OTHERS } from '../graph/port.ts'
import type { MapWords } from '../render/renderer.ts'

export const nodeLabel = (node: Pick<MapNode, 'kind' | 'namespace' | 'name'>): string =>
  node.kind === 'external' || node.namespace === '' ? node.name : `${node.namespace}/${node.name}`

/** How filters, the command line and the engine name a node; nothing for the folded one. */
export const askName = (node: Pick<MapNode, 'kind' | 'namespace' | 'name' | 'key'>): string | undefined =>
  node.kind !== 'external' ? nodeLabel(node) : node.key === OTHERS ? undefined : node.key

/** One word of a shell's command line: a workload's name is not to be run. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The server names the folded node by its key; a reader is told what it stands for. */
export const localized = (view: MapView, { t }: Pick<I18n, 't'>): MapView => ({
  ...view,
  nodes: view.nodes.map(node =>
    node.kind === 'external' && node.key === OTHERS ? { ...node, name: t.map.others(node.instances) } : node,
  ),
})

/** What the renderer writes on the canvas and its buttons, in the reader's language. */
export const mapWords = ({ t, f }: I18n): MapWords => ({
  badge: (outcome, count) => t.map.badge[outcome](f.compact(count)),
  ports: t.map.ports,
  islandTitle: name => (name === OUTSIDE ? t.map.internet : name),
  islandNote: totals =>
    [
      ...(protection(totals) === 'none' ? [] : [t.map.protection[protection(totals)]]),
      f.number(totals.nodes),
    ].join(' · '),
  islandName: (name, totals) =>
    name === OUTSIDE
      ? t.map.outsideName(totals.nodes, totals.denied)
      : t.map.islandName(name, totals.nodes, t.map.protection[protection(totals)], totals.denied),
  count: f.compact,
  nodeName: (node, totals) =>
    t.map.nodeName({
      ...totals,
      name: nodeLabel(node),
      state: [
        ...(node.attack === undefined ? [] : [t.map.attack[node.attack]]),
        node.kind === 'external' ? t.map.internet : t.map.state[node.ingress],
      ].join(', '),
    }),
  nodeNote(node) {
    if (node.kind === 'external') return t.map.internet
    if (node.attack !== undefined) return t.map.attack[node.attack]
    return [node.ownerKind, ...(node.instances > 1 ? [t.map.instances(node.instances)] : [])].join(' ')
  },
})
