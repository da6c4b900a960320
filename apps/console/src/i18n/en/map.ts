import { count, type Details, detail, plural } from '../plural.ts'

const state = { none: 'no policy', audit: 'audited', enforce: 'enforced' }

/** The words of the map page. */
export const map = {
  title: 'Map',
  /** Container of the map, for screen readers. */
  label: 'Service map',
  instructions:
    'Arrow keys move between namespaces and workloads. Enter opens details, Escape returns. Plus and minus zoom, 0 shows everything, / filters, T shows the same data as a table.',
  internet: 'Outside',
  others: (addresses: number) => plural(addresses, 'other'),
  shown: (shown: number, total: number) =>
    `${shown.toLocaleString('en-GB')} of ${plural(total, 'node')} shown`,
  filters: (terms: number) => plural(terms, 'filter'),
  clearFilters: 'Clear',
  lines: (drawn: number, all: number) =>
    `${drawn.toLocaleString('en-GB')} of ${plural(all, 'line')} drawn: zoom in, point or select for the others`,
  view: { label: 'Show as', map: 'Map', table: 'Table' },
  live: { pause: 'Pause live updates', resume: 'Resume live updates', paused: 'Paused' },
  zoom: { in: 'Zoom in', out: 'Zoom out', fit: 'Show everything' },
  newDenied: (connections: number) => `${plural(connections, 'new denied connection')}.`,

  badge: { denied: (n: string) => `${n} denied`, audited: (n: string) => `${n} audited` },
  ports: (ports: number) => plural(ports, 'port'),
  instances: (n: number) => `× ${n}`,
  nodeName: (node: {
    readonly name: string
    readonly inbound: number
    readonly outbound: number
    readonly audited: number
    readonly denied: number
    readonly state: string
  }) =>
    [
      node.name,
      `${node.inbound} inbound`,
      `${node.outbound} outbound`,
      ...(node.audited > 0 ? [`${node.audited} audited`] : []),
      ...(node.denied > 0 ? [`${node.denied} denied`] : []),
      node.state,
    ].join(', '),
  islandName: (name: string, nodes: number, protection: string, denied: number) =>
    [
      `Namespace ${name}`,
      plural(nodes, 'workload'),
      protection,
      ...(denied > 0 ? [`${denied} denied`] : []),
    ].join(', '),
  outsideName: (nodes: number, denied: number) =>
    ['Outside', plural(nodes, 'address', 'addresses'), ...(denied > 0 ? [`${denied} denied`] : [])].join(
      ', ',
    ),

  protection: {
    none: 'No policy',
    audit: 'Audit',
    enforce: 'Enforced',
    partly: 'Partly enforced',
  },
  state,
  /** What a workload that behaves like an attacker does. */
  attack: {
    'port-scan': 'scans ports',
    'metadata-probe': 'asks for cloud credentials',
    'mining-pool': 'looks for a mining pool',
  },
  /** Legend. */
  legend: {
    label: 'Legend',
    allowed: 'allowed: solid',
    audited: 'audited: dashed',
    denied: 'denied: thick, ✕',
    width: 'width: connections, logarithmic',
  },

  observing: {
    title: 'Observing – nothing is blocked',
    text: 'No policy is enforced. Traffic is recorded, so that policies can be suggested from it.',
    action: 'Suggest policies',
  },
  empty: {
    title: 'Nothing to show yet',
    filtered: 'The filter hides everything',
    filteredText: 'There is traffic in this time window, but none that matches.',
    text: 'No workload and no traffic is known for this time window.',
    widen: 'Look back further',
  },
  note: (code: string, details: Details): string => {
    switch (code) {
      case 'no-agent':
        return 'No agent has joined yet: run sekisho-agent on a node.'
      case 'no-traffic':
        return 'No traffic was seen in this time window.'
      case 'filter-hides':
        return `The filter hides ${plural(count(details, 'connections'), 'connection')}.`
      case 'history-starts':
        return `The records do not go back so far: they start at ${detail(details, 'at')}.`
      case 'externals-folded':
        return `${plural(count(details, 'addresses'), 'outside address', 'outside addresses')} with little traffic are shown as one.`
      case 'ports-folded':
        return `${plural(count(details, 'ports'), 'port')} of pairs that use very many are shown as one.`
      default:
        return `${code}: ${Object.values(details).join(', ')}`
    }
  },

  panel: {
    inbound: 'Inbound',
    outbound: 'Outbound',
    peers: (n: number) => plural(n, 'connection line'),
    attack: 'Suspicious',
    protectionIn: 'Inbound policy',
    protectionOut: 'Outbound policy',
    kind: 'Kind',
    instances: 'Instances',
    workloads: 'Workloads',
    more: (n: number) => `and ${n} more: see the table`,
    why: 'Why',
    decidedBy: 'Decided by',
    enforceTitle: 'If all policies were enforced',
    enforce: {
      allowed: 'It would still pass.',
      audited: 'It would be denied: policies in Audit do not allow it.',
      denied: 'It is denied already.',
    },
    asking: 'Asking the policy engine…',
    change: 'What would allow it',
    showFlows: 'Show flows',
    suggest: 'Suggest policy',
    filter: 'Only this',
    zoomTo: 'Zoom to it',
    gone: 'It is no longer on the map in this time window.',
  },

  table: {
    label: 'Edges of the map',
    caption: (rows: number) => plural(rows, 'edge'),
    csv: 'CSV',
    json: 'JSON',
    export: (format: string) => `Export as ${format}`,
  },
}
