import type { MapNode } from '@sekisho/control'
import type { I18n } from '../../i18n/index.ts'
import { protection } from '../graph/aggregate.ts'
import { OUTSIDE } from '../graph/graph.ts'
import type { MapWords } from '../render/renderer.ts'

export const nodeLabel = (node: Pick<MapNode, 'kind' | 'namespace' | 'name'>): string =>
  node.kind === 'external' || node.namespace === '' ? node.name : `${node.namespace}/${node.name}`

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
      state: node.kind === 'external' ? t.map.internet : t.map.state[node.ingress],
    }),
  nodeNote(node) {
    if (node.kind === 'external') return t.map.internet
    return [node.ownerKind, ...(node.instances > 1 ? [t.map.instances(node.instances)] : [])].join(' ')
  },
})
