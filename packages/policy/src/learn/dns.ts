import {
  endName,
  groupKey,
  type LearnEnd,
  type LearnFlow,
  type LearnGroup,
  type LearnNote,
  selectableGroup,
} from './flow.ts'

/** A flow with what is to be said about it; one that was not seen has no connections. */
export interface Evident extends LearnFlow {
  readonly notes?: readonly LearnNote[]
}

/** The name service of a Kubernetes cluster by the label that its documentation gives (dns-pod-service.md). */
const CLUSTER_DNS: LearnGroup = {
  namespace: 'kube-system',
  owner: { kind: 'Deployment', name: 'kube-dns' },
  labels: { 'k8s-app': 'kube-dns' },
  kind: 'pod',
}

const isDns = ({ protocol, port }: LearnFlow): boolean =>
  port === 53 && (protocol === 'UDP' || protocol === 'TCP')
const endKey = (end: LearnEnd): string => (end.group ? groupKey(end.group) : end.ip)
const pairKey = ({ source, destination }: LearnFlow): string => `${endKey(source)} ${endKey(destination)}`

/** The server that is asked most; else the cluster's own, under the labels it has or by rule would have. */
function usualServer(flows: readonly LearnFlow[], groups: readonly LearnGroup[]): LearnEnd {
  const counts = new Map<string, { end: LearnEnd; connections: number }>()
  for (const flow of flows.filter(isDns)) {
    const key = endKey(flow.destination)
    const connections = flow.connections + (counts.get(key)?.connections ?? 0)
    counts.set(key, { end: flow.destination, connections })
  }
  const [most] = [...counts].toSorted((a, b) => b[1].connections - a[1].connections || (a[0] < b[0] ? -1 : 1))
  const labelled = groups.find(({ labels }) => labels['k8s-app'] === 'kube-dns')
  return most?.[1].end ?? { group: labelled ?? CLUSTER_DNS, ip: '' }
}

/** Who asks over UDP may have to ask again over TCP, for answers that are too large. */
function overTcp(flows: readonly LearnFlow[]): readonly Evident[] {
  const tcp = new Set(flows.filter(flow => isDns(flow) && flow.protocol === 'TCP').map(pairKey))
  return flows
    .filter(flow => isDns(flow) && flow.protocol === 'UDP' && !tcp.has(pairKey(flow)))
    .map(flow => {
      const notes = [{ code: 'dns-tcp-added', details: { server: endName(flow.destination) } }] as const
      return { ...flow, protocol: 'TCP', connections: 0, notes }
    })
}

/** Who was not seen asking may have had the answer in a cache, and cannot do without for long. */
function proposed(flows: readonly LearnFlow[], server: LearnEnd): readonly Evident[] {
  const asking = new Set(flows.filter(isDns).map(flow => endKey(flow.source)))
  const silent = flows.filter(({ source }) => {
    return selectableGroup(source) && !asking.has(endKey(source)) && endKey(source) !== endKey(server)
  })
  const notes = [{ code: 'dns-proposed', details: { server: endName(server) } }] as const
  return silent.flatMap(({ source, first, last, outcome }) =>
    (['UDP', 'TCP'] as const).map(protocol => {
      return { source, destination: server, protocol, port: 53, connections: 0, first, last, outcome, notes }
    }),
  )
}

/** Names come before everything else: learned flows, and the questions that they need. Both sides then allow them. */
export function withDns(flows: readonly LearnFlow[], groups: readonly LearnGroup[]): readonly Evident[] {
  return [...flows, ...overTcp(flows), ...proposed(flows, usualServer(flows, groups))]
}
