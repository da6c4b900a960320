import type { MapEdge } from '@sekisho/control'

/** The node that the server folds little-used outside addresses into; it is nobody one could ask about. */
export const OTHERS = 'others'

const PORTED: ReadonlySet<string> = new Set(['TCP', 'UDP', 'SCTP'])

/** The server folds the ports of a scan into one edge with port 0; for other protocols 0 is a type like any other. */
export const isFolded = ({ port, protocol }: Pick<MapEdge, 'port' | 'protocol'>): boolean =>
  port === 0 && PORTED.has(protocol)

/** `5432`, `53/UDP`, `*` for folded ports, `8/ICMP`. */
export function portText(edge: Pick<MapEdge, 'port' | 'protocol'>): string {
  const port = isFolded(edge) ? '*' : String(edge.port)
  return edge.protocol === 'TCP' ? port : `${port}/${edge.protocol}`
}
