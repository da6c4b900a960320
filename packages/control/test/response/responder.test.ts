import { type EpochMs, type NodeName, namespace, type PolicyId } from '@sekisho/core'
import { explain, explainSentences } from '@sekisho/policy'
import { openStore } from '@sekisho/store'
import { describe, expect, onTestFinished, test } from 'vitest'
import { raiseAlarms } from '../../src/insight/alarms.ts'
import { createLifecycle } from '../../src/lifecycle/changes.ts'
import { openState } from '../../src/lifecycle/state.ts'
import { createResponder } from '../../src/response/responder.ts'
import { at, end, flow, id, NODE, pod, SHOP, scan, status } from '../insight/world.ts'

const MINUTE = 60_000
const ADMIN = { user: 'admin', from: '127.0.0.1' }

const rule = (spec: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'ResponseRule',
    metadata: { name: 'contain' },
    spec: {
      mode: 'Enforce',
      match: { findings: ['port-scan'] },
      actions: [{ quarantine: { dns: true } }],
      ...spec,
    },
  })

/** A server's store, model and policies, and a responder whose rounds begin when the test says so. */
function setUp() {
  const clock = { time: at(10 * MINUTE), now: () => clock.time, monotonic: () => clock.time }
  const store = openStore({ path: ':memory:', clock })
  const state = openState(store.state)
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (_: string, error?: unknown) => {
      throw error
    },
  }
  const never = { after: () => ({ [Symbol.dispose]: () => undefined }) }
  const lifecycle = createLifecycle({ store, state, clock, timer: never, log, onSettled: () => undefined })
  const told: string[] = []
  const here = { leads: true }
  let run: () => void = () => undefined
  const start = () =>
    createResponder({
      store,
      state,
      lifecycle,
      clock,
      timer: {
        after(_, next) {
          run = next
          return { [Symbol.dispose]: () => undefined }
        },
      },
      log,
      leads: () => here.leads,
      exempt: ['kube-system'],
      onEvents: () => undefined,
      tell: (workload, reason) => told.push(`${reason} ${workload.name}`),
    })
  let responder = start()
  onTestFinished(() => {
    responder[Symbol.dispose]()
    lifecycle[Symbol.dispose]()
    store[Symbol.dispose]()
  })
  let sequence = 0
  const resolver = pod('dns', 'kube-system', { addresses: ['10.0.2.1'], labels: { 'k8s-app': 'kube-dns' } })
  const report = (flows: ReturnType<typeof scan>) => {
    const batch = { node: NODE, epoch: 'e', sequence: ++sequence, flows, events: [], status }
    const workloads = [...SHOP, resolver]
    const namespaces = ['shop', 'monitoring', 'kube-system'].map(name => namespace(name))
    store.records.ingest({ ...batch, workloads, namespaces })
    state.sync()
  }
  store.agents.join({ node: NODE as NodeName, publicKey: 'k', certificateSerial: '1' })
  report([])
  return {
    store,
    state,
    lifecycle,
    clock,
    told,
    here,
    report,
    scan() {
      const before = (clock.time - 1_000) as EpochMs
      report(scan().map(each => ({ ...each, first: before, last: before })))
      raiseAlarms(store.records, clock)
    },
    round: () => run(),
    after(ms: number) {
      clock.time = (clock.time + ms) as EpochMs
      run()
    },
    restart() {
      responder[Symbol.dispose]()
      responder = start()
    },
    get active() {
      return responder.active()
    },
    counts: () => responder.counts('contain'),
    events: () =>
      store.records
        .events({ window: { since: at(0), until: at(86_400_000) }, limit: 100 })
        .items.filter(({ code }) => code.startsWith('response-'))
        .map(({ code, details }) => [code, details.how].filter(Boolean).join(' '))
        .toReversed(),
    outcome: (name: string, port = 5432, peer = 'db') =>
      state.model.judge({
        source: { workload: id(name) },
        destination: peer === 'dns' ? { ip: '10.0.2.1' } : { workload: id(peer) },
        protocol: port === 53 ? 'UDP' : 'TCP',
        port,
      }).outcome,
  }
}

describe('a scan that a rule answers by quarantine', () => {
  test('cuts the workload off both ways, but for DNS, and nobody else', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule() }, ADMIN)
    expect(world.outcome('foothold')).toBe('allowed')
    world.scan()
    world.round()
    expect(world.outcome('foothold')).toBe('denied')
    expect(
      world.state.model.judge({
        source: { workload: id('web') },
        destination: { workload: id('foothold') },
        protocol: 'TCP',
        port: 80,
      }).outcome,
    ).toBe('denied')
    expect(world.outcome('foothold', 53, 'dns')).toBe('allowed')
    expect(world.outcome('foothold', 80, 'dns')).toBe('denied')
    expect(world.outcome('web')).toBe('allowed')
  })

  test('says who did it, why and until when', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule() }, ADMIN)
    world.scan()
    world.round()
    const [active] = world.active
    expect(active).toMatchObject({
      rule: 'contain',
      action: 'quarantine',
      target: id('foothold'),
      until: at(25 * MINUTE),
      why: '1 × port-scan within 600 s, last at 2026-01-01T00:10:00.000Z',
    })
    const query = {
      source: { workload: id('foothold') },
      destination: { workload: id('db') },
      protocol: 'TCP',
      port: 5432,
    } as const
    const words = explainSentences(explain(world.state.model, query), 'en').join(' ')
    expect(words).toContain(`ClusterSecurityPolicy ${active?.policy.split('/')[2]}`)
    expect(world.store.audit.page({ limit: 1 }).items[0]).toMatchObject({
      actor: 'response:contain',
      action: 'policy.apply',
      result: 'ok',
    })
    expect(world.events()).toEqual(['response-started'])
    expect(world.told).toEqual(['Quarantined foothold-1'])
    expect(world.counts()).toEqual({ firedLastDay: 1, active: 1, lastFired: at(10 * MINUTE) })
  })

  test('ends by itself, and what was found before is no reason to begin again', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule({ match: { findings: ['port-scan'], windowSeconds: 3_600 } }) }, ADMIN)
    world.scan()
    world.round()
    world.after(14 * MINUTE)
    expect(world.active).toHaveLength(1)
    world.after(MINUTE)
    world.after(MINUTE)
    expect(world.active).toEqual([])
    expect(world.outcome('foothold')).toBe('allowed')
    expect(world.events()).toEqual(['response-started', 'response-ended expired'])
  })

  test('its rules are over in every kernel, also while the server is away', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule() }, ADMIN)
    world.scan()
    world.round()
    world.state.model.update({ now: at(25 * MINUTE) })
    expect(world.outcome('foothold')).toBe('allowed')
    expect(world.outcome('foothold', 53, 'dns')).toBe('allowed')
  })

  test('is lifted by hand, for good', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule() }, ADMIN)
    world.scan()
    world.round()
    world.lifecycle.remove(
      world.active.map(({ policy }) => policy),
      ADMIN,
    )
    world.after(5_000)
    world.after(5_000)
    expect(world.active).toEqual([])
    expect(world.events()).toEqual(['response-started', 'response-ended lifted'])
  })

  test('outlives a restart, and is not done twice', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule() }, ADMIN)
    world.scan()
    world.round()
    const before = world.active
    world.restart()
    world.after(5_000)
    expect(world.active).toEqual(before)
    expect(world.counts()).toMatchObject({ firedLastDay: 1, active: 1 })
    world.lifecycle.remove(
      world.active.map(({ policy }) => policy),
      ADMIN,
    )
    world.restart()
    world.after(5_000)
    world.after(5_000)
    expect(world.active).toEqual([])
    expect(world.events()).toEqual(['response-started', 'response-ended lifted'])
  })

  test('ends when the rule goes, or enforces no more', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule() }, ADMIN)
    world.scan()
    world.round()
    world.lifecycle.setMode(['ResponseRule//contain'], { mode: 'Audit' }, ADMIN)
    world.after(5_000)
    expect(world.active).toEqual([])
    expect(world.events()).toEqual(['response-started', 'response-ended rule'])
  })

  test('belongs to whoever edits it from then on, whatever is found', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule({ match: { findings: ['port-scan', 'mining-pool'] } }) }, ADMIN)
    world.scan()
    world.round()
    const policy = world.active[0]?.policy as PolicyId // it is there
    world.lifecycle.setMode([policy], { mode: 'Audit' }, ADMIN)
    world.after(5_000)
    world.after(20 * MINUTE)
    world.store.records.addEvent({
      code: 'mining-pool',
      severity: 'critical',
      at: world.clock.time,
      workload: id('foothold'),
      details: {},
    })
    world.after(5_000)
    expect(world.store.policies.get(policy)).toMatchObject({ mode: 'Audit', updatedBy: 'admin' })
    expect(world.active).toEqual([])
    expect(world.events()).toEqual(['response-started', 'response-ended lifted'])
  })

  test('in Audit is told once, and nothing is done', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule({ mode: 'Audit' }) }, ADMIN)
    world.scan()
    world.round()
    world.after(5_000)
    expect(world.outcome('foothold')).toBe('allowed')
    expect(world.events()).toEqual(['response-audited'])
  })

  test('is told where there is no room for it, once, and done when there is', () => {
    const world = setUp()
    const match = { findings: ['port-scan', 'mining-pool'], windowSeconds: 3_600 }
    world.lifecycle.apply({ yaml: rule({ match, mostWorkloads: 1 }) }, ADMIN)
    world.scan()
    world.round()
    world.store.records.addEvent({
      code: 'mining-pool',
      severity: 'critical',
      at: world.clock.time,
      workload: id('web'),
      details: {},
    })
    world.after(5_000)
    world.after(5_000)
    expect(world.events()).toEqual(['response-started', 'response-limited'])
    world.lifecycle.remove(
      world.active.map(({ policy }) => policy),
      ADMIN,
    )
    world.after(5_000)
    expect(world.active).toMatchObject([{ target: id('web') }])
  })

  test('is left to the server that leads', () => {
    const world = setUp()
    world.here.leads = false
    world.lifecycle.apply({ yaml: rule() }, ADMIN)
    world.scan()
    world.round()
    expect(world.events()).toEqual([])
    world.here.leads = true
    world.after(5_000)
    expect(world.events()).toEqual(['response-started'])
  })
})

describe('denied attempts', () => {
  const attempts = (connections: number, time: EpochMs) => [
    flow({
      source: end('web'),
      destination: { ip: '203.0.113.9' },
      port: 443,
      outcome: 'denied',
      why: 'isolated',
      connections,
      first: time,
      last: time,
    }),
  ]
  const match = { findings: ['denied-attempts'], count: 10 }

  test('that are too many have the two ends kept apart, and what that denies is no reason for more', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule({ match, actions: [{ block: { forSeconds: 60 } }] }) }, ADMIN)
    world.report(attempts(9, world.clock.time))
    world.round()
    expect(world.active).toEqual([])
    world.report(attempts(1, world.clock.time))
    world.round()
    const [active] = world.active
    expect(active).toMatchObject({ action: 'block', target: id('web'), peer: '203.0.113.9' })
    expect(world.outcome('web')).toBe('allowed')
    const by = `${active?.policy}#egress[0]` as NonNullable<Parameters<typeof flow>[0]>['by']
    world.after(MINUTE)
    world.report(
      attempts(50, world.clock.time).map(each => ({ ...each, why: 'rule-deny', ...(by && { by }) })),
    )
    world.after(5_000)
    expect(world.events()).toEqual(['response-started', 'response-ended expired'])
  })

  test('are told beside the pod, once in a window', () => {
    const world = setUp()
    world.lifecycle.apply({ yaml: rule({ match, actions: [{ notify: {} }] }) }, ADMIN)
    world.report(attempts(10, world.clock.time))
    world.round()
    world.after(5_000)
    expect(world.told).toEqual(['FindingReported web-1'])
    expect(world.events()).toEqual(['response-notified'])
  })
})
