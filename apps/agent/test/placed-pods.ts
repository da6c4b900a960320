import { type NodeName, namespace, type StateSnapshot, type Workload, workloadId } from '@sekisho/core'

/** As a cluster says it of a pod that is only just placed: labels, and no address yet. */
const placed = (name: string): Workload => ({
  id: workloadId('pod', 'shop', name),
  kind: 'pod',
  namespace: 'shop',
  name,
  owner: { kind: 'Pod', name },
  // Those that differ in what follows a dash are of one app.
  labels: { app: name.replace(/-.*/, '') },
  node: 'n1' as NodeName,
  addresses: [],
  hostNetwork: false,
  ports: [],
  state: 'running',
})

/** Pods of the app `locked` may reach nobody. */
const POLICY = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'locked', namespace: 'shop' },
  spec: { podSelector: { matchLabels: { app: 'locked' } }, policyTypes: ['Egress'] },
}

/** What a server says of a cluster of these pods. */
export const snapshotOf = (revision: number, ...pods: readonly string[]): StateSnapshot => ({
  kind: 'snapshot',
  revision,
  namespaces: [namespace('shop')],
  workloads: pods.map(placed),
  policies: [POLICY],
})
