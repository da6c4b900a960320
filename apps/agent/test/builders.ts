import { type Namespace, type NodeName, namespace, type Workload, workloadId } from '@sekisho/core'

export const NODE = 'n1' as NodeName

export const workload = (name: string, changes: Partial<Workload> = {}): Workload => ({
  id: workloadId('pod', 'shop', name),
  kind: 'pod',
  namespace: 'shop',
  name,
  owner: { kind: 'Deployment', name },
  labels: { app: name },
  node: NODE,
  addresses: ['10.0.0.1'],
  hostNetwork: false,
  ports: [],
  state: 'running',
  ...changes,
})

export const SHOP: Namespace = namespace('shop')

export const policy = (name: string, changes: object = {}) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace: 'shop' },
  spec: { podSelector: { matchLabels: { app: name } }, policyTypes: ['Ingress'], ...changes },
})
