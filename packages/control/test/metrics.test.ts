import type { EpochMs, NodeName } from '@sekisho/core'
import { expect, test } from 'vitest'
import { countFlow, createCounters, renderMetrics } from '../src/metrics.ts'
import { flow } from './insight/world.ts'

const NOW = {
  agentsConnected: 0,
  streamClients: 0,
  workloads: 0,
  policies: { Learn: 0, Audit: 0, Enforce: 0 },
  stateRevision: 0,
  storeBytes: 0,
  nodes: [],
}

test('what is spoken is counted by a bounded set of names, and requests by what became of them', () => {
  const counters = createCounters()
  const requests = [
    { name: 'GET a/', count: 3 },
    { name: '', count: 2 },
  ]
  countFlow(counters, flow({ application: 'http', connections: 4, requests }))
  countFlow(
    counters,
    flow({ application: 'http', outcome: 'denied', requests: [{ name: 'POST a/', count: 1 }] }),
  )
  for (const application of ['acme-orders', 'unknown', 'of"another}agent'])
    countFlow(counters, flow({ application }))
  countFlow(counters, flow())
  const lines = renderMetrics(counters, NOW).split('\n')
  expect(lines.filter(line => /^sekisho_(flows|requests)/.test(line))).toEqual([
    'sekisho_flows_total{outcome="allowed"} 8',
    'sekisho_flows_total{outcome="audited"} 0',
    'sekisho_flows_total{outcome="denied"} 1',
    'sekisho_requests_total{outcome="allowed"} 5',
    'sekisho_requests_total{outcome="audited"} 0',
    'sekisho_requests_total{outcome="denied"} 1',
    'sekisho_flows_spoken_total{application="custom"} 2',
    'sekisho_flows_spoken_total{application="http"} 5',
    'sekisho_flows_spoken_total{application="unknown"} 1',
  ])
})

test('of each node what its agent said last, and of one that said nothing only whether it is there', () => {
  const status = {
    node: 'n1' as NodeName,
    version: '0',
    startedAt: 0 as EpochMs,
    addresses: [],
    revision: 1,
    enforcing: false,
    workloads: 1,
    rules: 7,
    setElements: 1,
    programs: 3,
    programErrors: 2,
    programMs: { p50: 1, p99: 250 },
    ledger: { 'batch-refused': 4 },
    degraded: ['a', 'b'],
  }
  const nodes = [
    { node: 'n1', connected: true, status },
    { node: 'n"2', connected: false, status: undefined },
  ]
  const lines = renderMetrics(createCounters(), { ...NOW, nodes }).split('\n')
  expect(lines.filter(line => line.startsWith('sekisho_node_'))).toEqual([
    'sekisho_node_connected{node="n1"} 1',
    'sekisho_node_connected{node="n\\"2"} 0',
    'sekisho_node_enforcing{node="n1"} 0',
    'sekisho_node_rules{node="n1"} 7',
    'sekisho_node_program_errors_total{node="n1"} 2',
    'sekisho_node_program_seconds{node="n1"} 0.25',
    'sekisho_node_degraded{node="n1"} 2',
    'sekisho_node_unseen_total{node="n1",reason="batch-refused"} 4',
  ])
})
