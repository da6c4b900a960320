import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EpochMs } from '@sekisho/core'
import { parsePolicies } from '@sekisho/policy'
import { openStore } from '@sekisho/store'
import { expect, onTestFinished, test } from 'vitest'
import { createLifecycle } from '../src/lifecycle/changes.ts'
import { openState } from '../src/lifecycle/state.ts'

const ACTOR = { user: 'admin', from: '127.0.0.1' }
const clock = { now: () => Date.parse('2026-05-01T12:00:00Z') as EpochMs, monotonic: () => 0 }

const policy = (name: string, rule: object, kind = 'ClusterSecurityPolicy') =>
  JSON.stringify({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind,
    metadata: { name },
    spec: { subject: {}, egress: [rule] },
  })
const naming = (name: string, application: string) => policy(name, { applications: [application] })
const definition = (name: string) =>
  JSON.stringify({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'Application',
    metadata: { name },
    spec: { transport: 'TCP', client: [{ text: 'ORD1' }] },
  })

function setUp() {
  const data = mkdtempSync(join(tmpdir(), 'sekisho-lifecycle-'))
  const store = openStore({ path: join(data, 'sekisho.db'), clock })
  const lifecycle = createLifecycle({
    store,
    state: openState(store.state),
    clock,
    timer: { after: () => ({ [Symbol.dispose]: () => undefined }) },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    onSettled: () => undefined,
  })
  onTestFinished(() => {
    lifecycle[Symbol.dispose]()
    store[Symbol.dispose]()
    rmSync(data, { recursive: true })
  })
  return { lifecycle, ids: () => store.policies.list().map(({ id }) => id) }
}

/** What a cluster may hold: its objects come one by one, in any order. */
function mirrored(yaml: string) {
  const read = parsePolicies(yaml, { applications: 'any' })
  if (!read.ok) throw new Error(read.error[0]?.reason)
  return read.value
}

test("a cluster's policy whose application nothing defines stands in no other change's way", () => {
  const { lifecycle, ids } = setUp()
  lifecycle.mirror(mirrored(naming('mirrored', 'of-nobody')), [], 'kubernetes')
  lifecycle.apply({ yaml: policy('own', { action: 'Deny' }) }, ACTOR)
  expect(ids()).toContain('ClusterSecurityPolicy//own')
})

test('a definition that a policy of the cluster needs cannot be taken from it', () => {
  const { lifecycle, ids } = setUp()
  lifecycle.apply({ yaml: definition('orders') }, ACTOR)
  lifecycle.mirror(mirrored(naming('mirrored', 'orders')), [], 'kubernetes')
  expect(() => lifecycle.remove(['Application//orders'], ACTOR)).toThrow(
    'ClusterSecurityPolicy//mirrored names the application orders, which nothing would define.',
  )
  expect(ids()).toContain('Application//orders')
})
