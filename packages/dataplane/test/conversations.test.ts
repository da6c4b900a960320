import {
  type Application,
  type EpochMs,
  isPrintable,
  type L7Request,
  LIMITS,
  requestName,
  type Workload,
  workloadId,
} from '@sekisho/core'
import type { Detail } from '@sekisho/inspect'
import { askResidual, createModel, type FlowFacts, residual, validatePolicy } from '@sekisho/policy'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Told } from '../src/index.ts'
import { createFlowLog, type FlowLog } from '../src/index.ts'

const START = 1_767_225_600_000 as EpochMs
const [WEB, API, OUTSIDE] = ['10.0.0.1', '10.0.0.2', '192.0.2.7']

const workload = (name: string, address: string): Workload => ({
  id: workloadId('pod', 'shop', name),
  kind: 'pod',
  namespace: 'shop',
  name,
  owner: { kind: 'Deployment', name },
  labels: { app: name },
  node: 'node-1' as Workload['node'],
  addresses: [address],
  hostNetwork: false,
  ports: [],
  state: 'running',
})
const POLICY = {
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { namespace: 'shop', name: 'api' },
  spec: {
    subject: { podSelector: { matchLabels: { app: 'api' } } },
    mode: 'Enforce',
    ingress: [
      { ports: [{ protocol: 'TCP', port: 80 }], l7: [{ http: { methods: ['GET'] } }] },
      { ports: [{ protocol: 'TCP', port: 6379 }], applications: ['redis'] },
    ],
  },
}
const RULE = { http: 'SecurityPolicy/shop/api#ingress[0]', redis: 'SecurityPolicy/shop/api#ingress[1]' }
const ISOLATED = 'SecurityPolicy/shop/api#ingress'

const http = (method: string, path = '/orders'): L7Request => ({
  kind: 'http',
  method,
  path,
  host: 'api',
  headers: {},
})

describe('records of inspected conversations', () => {
  let log: FlowLog
  let model = createModel()
  let later = 0
  const clock = { now: () => (START + later) as EpochMs, monotonic: () => 0 }

  beforeEach(() => {
    later = 0
    model = createModel()
    const policy = validatePolicy(POLICY)
    if (!policy.ok) throw new TypeError(JSON.stringify(policy.error))
    model.update({
      namespaces: { set: [{ name: 'shop', labels: {} }] },
      workloads: { set: [workload('web', WEB), workload('api', API)] },
      policies: { set: [policy.value] },
    })
    log = createFlowLog({
      clock,
      workloadAt: ip => model.workloadAt(ip)?.id,
      isLocal: () => true,
      hasNoAgent: () => false,
      judge: query => model.judge(query),
      ownerOf: () => undefined,
      ruleOf: () => undefined,
      visit: () => Promise.resolve(),
    })
  })

  let nextId = 1
  function connect(port: number, source = WEB, destination = API): void {
    const ports = { protocol: 6, sourcePort: 40_000, destinationPort: port }
    log.ended({
      id: nextId++,
      zone: 0,
      mark: 0,
      protocolNumber: 6,
      original: { ...ports, source, destination },
      reply: {
        protocol: 6,
        source: destination,
        destination: source,
        sourcePort: port,
        destinationPort: 40_000,
      },
    })
  }
  const ends = (port: number, server = API) =>
    ({ client: WEB, server, protocol: 'TCP', port, clientPort: 40_000 }) as const
  const answer = (port: number, facts: FlowFacts) =>
    askResidual(residual(model, { source: { ip: WEB }, destination: { ip: API }, protocol: 'TCP', port }))(
      facts,
    )
  const tell = (port: number, notice: Told['notice'], server = API) =>
    log.inspected([{ ends: ends(port, server), notice }])
  const saying = (application: Application) =>
    ({ kind: 'identified', application, confidence: 'certain', evidence: 'test' }) as const
  const speaks = (port: number, application: Application, server = API) =>
    tell(port, saying(application), server)
  function ask(request: L7Request, count = 1): void {
    const judged = answer(80, { application: 'http', request })
    const outcome = judged.enforced.verdict === 'allow' ? 'allowed' : 'denied'
    log.requested([{ ends: ends(80), request: requestName(request), outcome, answer: judged, count }])
    if (outcome === 'denied') tell(80, { kind: 'denied', answer: judged })
  }

  test('a conversation that is still read passes, and says so', () => {
    connect(80)
    expect(log.take().flows).toMatchObject([{ outcome: 'allowed', why: 'inspecting', connections: 1 }])
  })

  test('its application and the rule of its requests are known by the end of the window', () => {
    connect(80)
    speaks(80, 'http')
    ask(http('GET'), 2)
    ask(http('GET', '/bills'))
    const { flows } = log.take()
    expect(flows).toHaveLength(1)
    expect(flows).toMatchObject([
      { application: 'http', outcome: 'allowed', by: RULE.http, why: 'rule-allow', connections: 1 },
    ])
    expect(flows[0]?.requests).toEqual([
      { name: 'GET api/orders', count: 2 },
      { name: 'GET api/bills', count: 1 },
    ])
  })

  test('a denied request is a record of its own, with the rule that isolates', () => {
    connect(80)
    speaks(80, 'http')
    ask(http('GET'))
    ask(http('POST'))
    expect(log.take().flows).toMatchObject([
      { outcome: 'allowed', by: RULE.http, requests: [{ name: 'GET api/orders', count: 1 }] },
      {
        application: 'http',
        outcome: 'denied',
        by: ISOLATED,
        direction: 'ingress',
        why: 'isolated',
        connections: 1,
        requests: [{ name: 'POST api/orders', count: 1 }],
      },
    ])
  })

  test('a conversation that was stopped at its first request is one denied attempt', () => {
    connect(80)
    speaks(80, 'http')
    ask(http('POST'))
    expect(log.take().flows).toMatchObject([{ outcome: 'denied', connections: 1, why: 'isolated' }])
  })

  test('another application on an allowed port is a reason of its own', () => {
    connect(6379)
    speaks(6379, 'ssh')
    tell(6379, { kind: 'denied', answer: answer(6379, { application: 'ssh' }) })
    expect(log.take().flows).toMatchObject([
      { application: 'ssh', outcome: 'denied', by: ISOLATED, why: 'application-mismatch', connections: 1 },
    ])
  })

  test('an application that is allowed as a whole needs no request to be settled', () => {
    connect(6379)
    speaks(6379, 'redis')
    expect(log.take().flows).toMatchObject([
      { application: 'redis', outcome: 'allowed', by: RULE.redis, why: 'rule-allow' },
    ])
  })

  test('what a service speaks names the conversations that nobody read', () => {
    speaks(443, 'tls', OUTSIDE)
    connect(443, API, OUTSIDE)
    connect(8443, API, OUTSIDE)
    expect(log.take().flows).toMatchObject([{ port: 443, application: 'tls' }, { port: 8443 }])
    expect(log.take().flows).toEqual([])
  })

  describe('a service of which others hear something else', () => {
    const others = (application: Application, after: number) => {
      later += after
      const client = { ...ends(6379, OUTSIDE), client: API }
      log.inspected([{ ends: client, notice: saying(application) }])
    }
    const named = () => {
      connect(6379, WEB, OUTSIDE)
      return log.take().flows.map(({ application }) => application)
    }

    test('speaks both, as long as both are heard', () => {
      speaks(6379, 'redis', OUTSIDE)
      others('tls', 600_000)
      expect(named()).toEqual(['redis'])
      others('redis', 600_000)
      others('tls', 600_000)
      expect(named()).toEqual(['redis'])
    })

    test('has changed, once what it spoke is heard no more', () => {
      speaks(6379, 'redis', OUTSIDE)
      others('tls', 600_000)
      others('tls', 600_000)
      expect(named()).toEqual(['tls'])
    })
  })

  test('"unknown" takes nobody’s name away', () => {
    tell(6379, { kind: 'unknown', why: 'undecided' })
    connect(6379)
    const [first] = log.take().flows
    expect(first).toMatchObject({ application: 'unknown' })
    speaks(6379, 'redis')
    tell(6379, { kind: 'unknown', why: 'undecided' })
    connect(6379)
    expect(log.take().flows).toMatchObject([{ application: 'redis' }])
  })

  test('names are bounded, and the rest counted without', () => {
    for (let at = 0; at < 100; at++) ask(http('GET', `/${at}`))
    const [flow] = log.take().flows
    expect(flow?.requests).toHaveLength(32)
    expect(flow?.requests?.reduce((sum, { count }) => sum + count, 0)).toBe(100)
    expect(flow?.requests?.at(-1)).toEqual({ name: '', count: 69 })
  })

  describe('what they say of themselves', () => {
    const says = (detail: Detail, value: string, port = 80) => tell(port, { kind: 'detail', detail, value })

    test('is of the record that their connections are of, each value once', () => {
      connect(80)
      for (const value of ['curl/8.5', 'curl/8.5', 'Go-http-client/2.0']) says('client-software', value)
      speaks(80, 'http')
      ask(http('GET'))
      ask(http('POST'))
      expect(log.take().flows).toMatchObject([
        {
          outcome: 'allowed',
          application: 'http',
          by: RULE.http,
          connections: 1,
          details: [
            { detail: 'client-software', value: 'curl/8.5' },
            { detail: 'client-software', value: 'Go-http-client/2.0' },
          ],
        },
        { outcome: 'denied' },
      ])
      expect(log.take().flows).toEqual([])
    })

    test('is bounded, printable, and no key is a user', () => {
      says('user', 'eyJhbGciOiJIUzI1NiJ9.e30.x1')
      says('server-software', `nginx\u0000${'x'.repeat(1_000)}`)
      says('status', '200')
      const [said] = log.take().flows
      expect(said?.details?.map(({ detail }) => detail)).toEqual(['user', 'server-software'])
      expect(said?.details?.[0]?.value).toBe('*')
      expect(said?.details?.[1]?.value).toHaveLength(LIMITS.detailValue.value)
      expect(said?.details?.every(({ value }) => isPrintable(value))).toBe(true)
      for (let at = 0; at < 100; at++) says('user', `user${at}`)
      expect(log.take().flows[0]?.details).toHaveLength(LIMITS.detailsPerFlow.value)
    })
  })

  test('what other policies settled is forgotten with them', () => {
    ask(http('GET'))
    log.take()
    log.modelChanged()
    connect(80)
    expect(log.take().flows).toMatchObject([{ why: 'inspecting' }])
  })
})
