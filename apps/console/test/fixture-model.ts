import type { ModelView, PolicyView, WorkloadView } from '@sekisho/control'
import { parse } from 'yaml'

/** The workloads behind the fixture's flows, as the engine knows them. */
const WORKLOADS: ModelView['workloads'] = (
  [
    ['shop/web', '10.20.1.11', 8080],
    ['shop/api', '10.20.1.12', 3000],
    ['shop/image-resizer', '10.20.1.66', 8080],
    ['payments/checkout', '10.20.2.11', 8080],
    ['payments/ledger-db', '10.20.2.12', 5432],
    ['monitoring/prometheus', '10.20.3.11', 9090],
    ['kube-system/dns', '10.20.4.53', 53],
  ] as const
).map(([key, address, port]) => {
  const [namespace = '', name = ''] = key.split('/')
  return {
    id: `pod:${key}-1`,
    kind: 'pod',
    namespace,
    name: `${name}-1`,
    owner: { kind: 'Deployment', name },
    labels: { app: name },
    node: 'node-1',
    addresses: [address],
    hostNetwork: false,
    ports: [{ name: 'main', protocol: 'TCP', port }],
    state: 'running',
  }
})

export const workloadViews = (): WorkloadView[] =>
  WORKLOADS.map(({ hostNetwork: _host, ports: _ports, ...workload }) => ({
    ...workload,
    key: `${workload.namespace}/${workload.owner.name}`,
    policies: [],
  }))

export const model = (policies: readonly PolicyView[]): ModelView => ({
  namespaces: [...new Set(WORKLOADS.map(({ namespace }) => namespace))].map(name => ({
    name,
    labels: { 'kubernetes.io/metadata.name': name },
  })),
  workloads: WORKLOADS,
  nodes: [{ name: 'node-1', addresses: ['192.0.2.10'] }],
  policies: policies.map(({ yaml }) => JSON.stringify(parse(yaml))),
})
