import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EpochMs, NodeName } from '@sekisho/core'
import { expect, test } from 'vitest'
import { exposition, type LocalStatus } from '../../apps/agent/src/report/exposition.ts'
import { createCounters, renderMetrics } from '../../packages/control/src/metrics.ts'
import { ALERTS, alertRules } from '../../scripts/chart/alerts.ts'
import { dashboard } from '../../scripts/chart/dashboard.ts'

const NAME = /\bsekisho_[a-z_]+/g

const SERVER = renderMetrics(createCounters(), {
  agentsConnected: 0,
  streamClients: 0,
  workloads: 0,
  policies: { Learn: 0, Audit: 0, Enforce: 0 },
  stateRevision: 0,
  storeBytes: 0,
})

const AGENT = exposition({
  node: 'n1' as NodeName,
  version: '0',
  startedAt: 0 as EpochMs,
  addresses: [],
  revision: 0,
  workloads: 0,
  rules: 0,
  setElements: 0,
  programs: 0,
  programErrors: 0,
  programMs: { p50: 0, p99: 0 },
  ledger: { 'spool-overflowed': 1 },
  inspection: { isListening: true, threads: 1, restarts: 0, flows: 0, queued: 0 },
  degraded: [],
  enforcing: true,
  server: { url: '', connected: true },
  spool: { batches: 0, bytes: 0 },
} satisfies LocalStatus)

const exported = new Set([...`${SERVER}${AGENT}`.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))

test.each([
  ['alerts', alertRules()],
  ['the dashboard', dashboard()],
])('%s ask for metrics that there are', (_, file) => {
  const asked = [...new Set(JSON.stringify(file).match(NAME))]
  expect(asked.length).toBeGreaterThan(5)
  expect(asked.filter(name => !exported.has(name))).toEqual([])
})

test('each alert has a section in docs/runbooks.md, and each section an alert', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/runbooks.md'), 'utf8')
  const sections = [...page.matchAll(/^## (Sekisho\w+)$/gm)].map(([, name]) => name)
  expect(sections).toEqual(ALERTS.map(({ name }) => name))
})
