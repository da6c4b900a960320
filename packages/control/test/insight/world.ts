import {
  type AgentStatus,
  type EpochMs,
  type Flow,
  type NodeName,
  namespace,
  type Workload,
  type WorkloadId,
  workloadId,
} from '@sekisho/core'
import { createModel, type PolicyDocument, parsePolicies } from '@sekisho/policy'
import { openStore } from '@sekisho/store'
import { modelChange } from '../../src/lifecycle/state.ts'

/** 2026-01-01T00:00:00Z. */
export const START = 1_767_225_600_000 as EpochMs
export const MINUTE = 60_000
export const at = (ms: number): EpochMs => (START + ms) as EpochMs
/** From the first flow on, so that the map has nothing to say about missing history. */
export const WINDOW = { since: at(MINUTE), until: at(60 * MINUTE) }
export const NODE = 'node-1' as NodeName

const ADDRESSES: Readonly<Record<string, string>> = {
  web: '10.0.0.1',
  db: '10.0.0.2',
  foothold: '10.0.0.3',
  prometheus: '10.0.1.1',
}

export const pod = (name: string, space = 'shop', change: Partial<Workload> = {}): Workload => ({
  id: workloadId('pod', space, `${name}-1`),
  kind: 'pod',
  namespace: space,
  name: `${name}-1`,
  owner: { kind: 'Deployment', name },
  labels: { app: name },
  node: NODE,
  addresses: [ADDRESSES[name] ?? '10.0.9.9'],
  hostNetwork: false,
  ports: [],
  state: 'running',
  ...change,
})

export const id = (name: string, space = 'shop'): WorkloadId => workloadId('pod', space, `${name}-1`)
export const end = (name: string, space = 'shop') => ({
  workload: id(name, space),
  ip: ADDRESSES[name] ?? '10.0.9.9',
})

export const flow = (change: Partial<Flow> = {}): Flow => ({
  source: end('web'),
  destination: end('db'),
  protocol: 'TCP',
  port: 5432,
  outcome: 'allowed',
  why: 'not-selected',
  connections: 1,
  packets: 10,
  bytesToDestination: 500,
  bytesToSource: 5000,
  first: at(MINUTE),
  last: at(MINUTE),
  ...change,
})

/** A scan of ten ports that all refuse. */
export const scan = (source = end('foothold')): Flow[] =>
  Array.from({ length: 10 }, (_, i) =>
    flow({ source, port: 7000 + i, packets: 2, bytesToSource: 40, bytesToDestination: 60 }),
  )

export const status: AgentStatus = {
  node: NODE,
  version: '0.1.0',
  startedAt: START,
  revision: 1_000,
  workloads: 3,
  rules: 0,
  setElements: 0,
  programs: 0,
  programErrors: 0,
  addresses: [],
  programMs: { p50: 0, p99: 0 },
  ledger: {},
  degraded: [],
}

export function documents(yaml: string): readonly PolicyDocument[] {
  const read = parsePolicies(yaml)
  if (!read.ok) throw new Error(JSON.stringify(read.error))
  return read.value
}

/** A real store in memory, the model that follows from it, and a clock at the end of the window. */
export function world() {
  const clock = { time: at(60 * MINUTE - 1), now: () => clock.time, monotonic: () => performance.now() }
  const store = openStore({ path: ':memory:', clock })
  const model = createModel()
  const connected = new Set<NodeName>()
  let sequence = 0
  let revision = 1
  const sync = () => {
    const delta = store.state.since(revision)
    if (!delta) throw new Error('no delta')
    model.update(modelChange(delta))
    revision = delta.revision
  }
  return {
    ports: { store, model, connected, clock },
    join() {
      store.agents.join({ node: NODE, publicKey: 'k', certificateSerial: '1' })
      connected.add(NODE)
    },
    report(batch: { flows?: readonly Flow[]; workloads?: readonly Workload[]; status?: AgentStatus }) {
      sequence++
      const namespaces = batch.workloads?.map(each => namespace(each.namespace))
      const inventory = namespaces
        ? { namespaces: [...new Map(namespaces.map(each => [each.name, each])).values()] }
        : {}
      store.records.ingest({
        node: NODE,
        epoch: 'e',
        sequence,
        flows: [],
        events: [],
        ...inventory,
        ...batch,
      })
      sync()
    },
    apply(yaml: string, revertsAt?: EpochMs) {
      const set = documents(yaml).map(each => ({ id: each.id, mode: each.mode, yaml, document: each.source }))
      store.policies.apply({ actor: 'admin', summary: 'test', set, removed: [], revertsAt })
      sync()
    },
    [Symbol.dispose]: () => store[Symbol.dispose](),
  }
}

export const SHOP = [pod('web'), pod('db'), pod('foothold'), pod('prometheus', 'monitoring')]

export const protectDb = (mode: string): string => `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: db, namespace: shop }
spec:
  mode: ${mode}
  subject: { podSelector: { matchLabels: { app: db } } }
  policyTypes: [Ingress]
  ingress:
    - from: [{ podSelector: { matchLabels: { app: web } } }]
      ports: [{ protocol: TCP, port: 5432 }]
`

/** What lets into the database whom a part of a rule names. */
export const asksDb = (rule: string) => `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: db, namespace: shop }
spec:
  mode: Enforce
  subject: { podSelector: { matchLabels: { app: db } } }
  ingress: [{ ports: [{ protocol: TCP, port: 5432 }], ${rule} }]
`
