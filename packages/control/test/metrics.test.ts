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
