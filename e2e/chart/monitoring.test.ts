import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentStatus, EpochMs, NodeName } from '@sekisho/core'
import { expect, test } from 'vitest'
import { createCounters, renderMetrics } from '../../packages/control/src/metrics.ts'
import { ALERTS, alertRules } from '../../scripts/chart/alerts.ts'
import { dashboard } from '../../scripts/chart/dashboard.ts'

const NAME = /\bsekisho_[a-z_]+/g

const STATUS: AgentStatus = {
  node: 'n1' as NodeName,
  version: '0',
  startedAt: 0 as EpochMs,
  addresses: [],
  revision: 0,
  enforcing: true,
  workloads: 0,
  rules: 0,
  setElements: 0,
  programs: 0,
  programErrors: 0,
  programMs: { p50: 0, p99: 0 },
  ledger: { 'spool-overflowed': 1 },
  inspection: { isListening: true, threads: 1, restarts: 0, flows: 0, queued: 0 },
  degraded: [],
}

/** All that the chart's PodMonitor scrapes: nobody reaches the agents' own, on loopback of their nodes. */
const SERVER = renderMetrics(createCounters(), {
  agentsConnected: 0,
  streamClients: 0,
  workloads: 0,
  policies: { Learn: 0, Audit: 0, Enforce: 0 },
  stateRevision: 0,
  storeBytes: 0,
  nodes: [{ node: STATUS.node, connected: true, status: STATUS }],
})

const exported = new Set([...SERVER.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))

test.each([
  ['alerts', alertRules()],
  ['the dashboard', dashboard()],
])('%s ask for metrics that the server has', (_, file) => {
  const asked = [...new Set(JSON.stringify(file).match(NAME))]
  expect(asked.length).toBeGreaterThan(5)
  expect(asked.filter(name => !exported.has(name))).toEqual([])
})

test('each alert has a section in docs/runbooks.md, and each section an alert', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/runbooks.md'), 'utf8')
  const sections = [...page.matchAll(/^## (Sekisho\w+)$/gm)].map(([, name]) => name)
  expect(sections).toEqual(ALERTS.map(({ name }) => name))
})
