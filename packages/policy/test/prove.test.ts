import type { Protocol, WorkloadId } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createModel,
  type EndSet,
  type FlowQuery,
  type Model,
  type PolicyDocument,
  prove,
  type ReachProof,
} from '../src/index.ts'
import { modelOf, NODE, networkPolicy, securityPolicy, workload } from './builders.ts'
import { type Cluster, generateCluster, PORTS, SMALL } from './cluster.ts'

const web = workload('shop/web', '10.0.0.1', { ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] })
const api = workload('shop/api', '10.0.0.2')
const db = workload('payments/db', '10.0.0.3 fd00::3')
const WORKLOADS = [web, api, db]
const namespaceOf = (namespace: string) => ({ kind: 'workloads', namespace }) as const
const OUTSIDE = { kind: 'outside' } as const
const named = (key: string) => {
  const [namespace = '', name = ''] = key.split('/')
  return { kind: 'workloads', namespace, name } as const
}

const dbFromApi = networkPolicy('payments/db', {
  podSelector: { matchLabels: { app: 'db' } },
  ingress: [
    {
      from: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
          podSelector: { matchLabels: { app: 'api' } },
        },
      ],
      ports: [{ port: 5432 }],
    },
  ],
})

function reach(model: Model, from: EndSet, to: EndSet): ReachProof {
  const proof = prove(model, { kind: 'reach', from, to })
  if (proof.kind !== 'reach') throw new TypeError(proof.kind)
  return proof
}

describe('reach', () => {
  test('nothing outside reaches what only allows a workload', () => {
    const proof = reach(modelOf(WORKLOADS, [dbFromApi]), OUTSIDE, namedDb)
    expect(proof.found).toBe(false)
    expect(proof.covered.pieces).toBeGreaterThan(0)
  })
  const namedDb = named('payments/db')

  test('the witness is a flow the engine allows, with the ports decided alike', () => {
    const model = modelOf(WORKLOADS, [dbFromApi])
    const [witness] = reach(model, namespaceOf('shop'), namedDb).witnesses
    expect(witness).toMatchObject({
      source: { name: 'shop/api' },
      destination: { name: 'payments/db' },
      ports: { protocol: 'TCP', first: 5432, last: 5432 },
      decision: { verdict: 'allow', why: 'rule-allow' },
    })
    expect(witness && model.decide(witness.query).verdict).toBe('allow')
  })

  test('one address of a block is enough, and the whole range is named', () => {
    const open = networkPolicy('payments/open', {
      podSelector: {},
      ingress: [{ from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.0/25'] } }] }],
    })
    const [witness] = reach(modelOf(WORKLOADS, [open]), OUTSIDE, namedDb).witnesses
    expect(witness?.source.range).toEqual(['203.0.113.128', '203.0.113.255'])
  })

  test('a block that is all workloads and nodes is not outside', () => {
    const pods = networkPolicy('payments/pods', {
      podSelector: {},
      ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.2/32' } }, { ipBlock: { cidr: '192.168.0.1/32' } }] }],
    })
    const model = modelOf(WORKLOADS, [pods])
    expect(reach(model, OUTSIDE, namedDb).found).toBe(false)
    expect(reach(model, named('shop/api'), namedDb).found).toBe('sure')
  })

  test('its own node always reaches a workload, and is no witness', () => {
    const closed = networkPolicy('payments/closed', { podSelector: {} })
    expect(reach(modelOf([{ ...db, node: NODE }], [closed]), { kind: 'anything' }, namedDb).found).toBe(false)
  })

  test('what depends on a request is not stated as proved', () => {
    const requests = securityPolicy('payments/db', {
      subject: { podSelector: {} },
      ingress: [{ ports: [{ port: 80 }], l7: [{ http: { methods: ['GET'] } }] }],
    })
    const proof = reach(modelOf(WORKLOADS, [requests]), OUTSIDE, namedDb)
    expect(proof).toMatchObject({
      found: 'can',
      witnesses: [{ decision: { verdict: 'deny', inspect: { needs: ['http'] } } }],
    })
  })

  test('a name may lead to an external machine and never to a pod that is selected alike', () => {
    const machine = {
      ...workload('shop/machine', '10.0.0.9', { labels: api.labels }),
      kind: 'external',
    } as const
    const byName = securityPolicy('payments/names', {
      subject: { podSelector: {} },
      egress: [{ to: [{ fqdn: 'api.example.com' }] }],
    })
    const model = modelOf([api, machine, db], [byName])
    expect(reach(model, namedDb, named('shop/api')).found).toBe(false)
    expect(reach(model, namedDb, namespaceOf('shop'))).toMatchObject({
      found: 'can',
      witnesses: [
        { destination: { name: 'shop/machine', alike: 1 }, decision: { inspect: { needs: ['name'] } } },
      ],
    })
  })

  test('a rule of one side alone does not make a flow', () => {
    const noEgress = networkPolicy('shop/egress', { podSelector: {}, policyTypes: ['Egress'] })
    expect(reach(modelOf(WORKLOADS, [dbFromApi, noEgress]), named('shop/api'), namedDb).found).toBe(false)
  })
})

describe('difference', () => {
  test('two ways to write the same are equivalent', () => {
    const one = networkPolicy('shop/p', {
      podSelector: {},
      ingress: [{ ports: [{ port: 80, endPort: 90 }] }],
    })
    const two = networkPolicy('shop/p', {
      podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] },
      ingress: [{ ports: [{ port: 80, endPort: 84 }] }, { ports: [{ port: 85, endPort: 90 }] }],
    })
    const proof = prove(modelOf(WORKLOADS, [one]), { kind: 'difference', after: modelOf(WORKLOADS, [two]) })
    expect(proof).toMatchObject({ equivalent: true, differences: [] })
  })

  test('one port of 65,536 and one address of all are found', () => {
    const policy = (port: number, cidr: string) =>
      networkPolicy('shop/p', {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [{ from: [{ ipBlock: { cidr } }], ports: [{ port: 1, endPort: port }] }],
      })
    const models = (a: PolicyDocument, b: PolicyDocument) =>
      prove(modelOf(WORKLOADS, [a]), { kind: 'difference', after: modelOf(WORKLOADS, [b]), limit: 1 })
    const ports = models(policy(65_535, '0.0.0.0/0'), policy(65_534, '0.0.0.0/0'))
    expect(ports).toMatchObject({ equivalent: false, differences: [{ query: { port: 65_535 } }] })
    const addresses = models(policy(80, '198.51.100.8/31'), policy(80, '198.51.100.8/32'))
    expect(addresses).toMatchObject({ differences: [{ query: { source: { ip: '198.51.100.9' } } }] })
  })
})

describe('what a difference is', () => {
  const open = (port: number, endPort: number) =>
    networkPolicy('shop/p', { podSelector: {}, ingress: [{ ports: [{ port, endPort }] }] })
  const difference = (before: Model, after: Model, change: 'opened' | 'closed' | 'any' = 'any') => {
    const proof = prove(before, { kind: 'difference', after, change })
    if (proof.kind !== 'difference') throw new TypeError(proof.kind)
    return proof
  }

  test('what is opened and what is closed are found each for itself', () => {
    const models = [modelOf(WORKLOADS, [open(80, 80)]), modelOf(WORKLOADS, [open(80, 82)])] as const
    const [before, after] = models
    expect(difference(before, after, 'opened').differences[0]).toMatchObject({
      query: { port: 81 },
      ports: { first: 81, last: 82 },
      certainty: 'sure',
    })
    expect(difference(before, after, 'closed').equivalent).toBe(true)
    expect(difference(after, before, 'closed').equivalent).toBe(false)
  })

  test('requests that are written otherwise may make a difference, and what surely does is said first', () => {
    const requests = (method: string, port: number) =>
      securityPolicy('payments/db', {
        subject: { podSelector: {} },
        ingress: [{ ports: [{ port: 80 }], l7: [{ http: { methods: [method] } }] }, { ports: [{ port }] }],
      })
    const model = modelOf(WORKLOADS, [requests('GET', 443)])
    const [may] = difference(model, modelOf(WORKLOADS, [requests('POST', 443)])).differences
    expect(may).toMatchObject({
      query: { port: 80 },
      certainty: 'can',
      after: { inspect: { needs: ['http'] } },
    })
    const [must] = difference(model, modelOf(WORKLOADS, [requests('POST', 444)])).differences
    expect(must).toMatchObject({ query: { port: 443 }, certainty: 'sure' })
  })

  test('policies of hosts are policies too', () => {
    const host = workload('/node', '192.168.0.1', { kind: 'host', node: NODE, hostNetwork: true })
    const rule = (port: number) =>
      securityPolicy('/hosts', { subject: { hostSelector: {} }, ingress: [{ ports: [{ port }] }] })
    const model = modelOf([...WORKLOADS, host], [rule(22)])
    expect(difference(model, modelOf([...WORKLOADS, host], [rule(22)])).equivalent).toBe(true)
    const [found] = difference(model, modelOf([...WORKLOADS, host], [rule(23)])).differences
    expect(found).toMatchObject({ destination: { name: '192.168.0.1' }, query: { port: 22 } })
    expect(prove(model, { kind: 'unneeded' })).toMatchObject({ rules: [] })
  })
})

describe('bounds', () => {
  const model = modelOf(WORKLOADS, [networkPolicy('payments/closed', { podSelector: {} })])

  test('an answer that was not looked for to the end says so', () => {
    const query = { kind: 'reach', from: OUTSIDE, to: named('payments/db') } as const
    const short = prove(model, { ...query, most: 3 })
    expect(short).toMatchObject({ found: false, covered: { pieces: 3, complete: false } })
    expect(prove(model, query)).toMatchObject({ found: false, covered: { complete: true } })
  })

  test('a rule is not called unneeded where not all was looked at', () => {
    const twice = [1, 2].map(at =>
      networkPolicy(`shop/p${at}`, { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }),
    )
    const both = modelOf(WORKLOADS, twice)
    expect(prove(both, { kind: 'unneeded' })).toMatchObject({
      rules: [{ kind: 'redundant' }, { kind: 'shadowed' }],
    })
    expect(prove(both, { kind: 'unneeded', most: 1 })).toMatchObject({
      rules: [],
      covered: { complete: false },
    })
  })

  test('progress is told while a proof runs', () => {
    const many = Array.from({ length: 60 }, (_, at) => workload(`shop/w${at}`, `10.1.0.${at}`))
    const policies = many.map(({ name }) =>
      networkPolicy(`shop/${name}`, {
        podSelector: { matchLabels: { app: name } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: name } } }], ports: [{ port: 80 }] }],
      }),
    )
    const told: number[] = []
    prove(modelOf(many, policies), {
      kind: 'reach',
      from: { kind: 'anything' },
      to: { kind: 'workloads' },
      ports: Array.from({ length: 20 }, (_, at) => ({ protocol: 'TCP', ports: [[at, at]] })),
      progress: ({ pieces }) => told.push(pieces),
    })
    expect(told[0]).toBe(65_536)
  })
})

describe('unneeded', () => {
  test('a rule about nobody is told from one that others hide', () => {
    const policy = securityPolicy('shop/p', {
      subject: { podSelector: { matchLabels: { app: 'web' } } },
      ingress: [
        { action: 'Allow', from: [{ podSelector: { matchLabels: { app: 'gone' } } }] },
        { action: 'Allow', ports: [{ port: 80, endPort: 90 }] },
        { action: 'Allow', ports: [{ port: 85 }] },
      ],
    })
    expect(prove(modelOf(WORKLOADS, [policy]), { kind: 'unneeded' })).toMatchObject({
      rules: [
        { rule: 'SecurityPolicy/shop/p#ingress[0]', kind: 'unmatched', covers: [] },
        {
          rule: 'SecurityPolicy/shop/p#ingress[2]',
          kind: 'shadowed',
          covers: ['SecurityPolicy/shop/p#ingress[1]'],
        },
      ],
    })
  })

  test('shadowed, redundant and unselected rules are told apart', () => {
    const policy = securityPolicy('shop/p', {
      subject: { podSelector: { matchLabels: { app: 'web' } } },
      ingress: [
        { action: 'Allow', ports: [{ port: 80, endPort: 90 }] },
        { action: 'Allow', ports: [{ port: 85 }] },
        { action: 'Allow', ports: [{ port: 443 }] },
      ],
    })
    const again = securityPolicy('shop/q', {
      subject: { podSelector: { matchLabels: { app: 'web' } } },
      ingress: [{ action: 'Allow', ports: [{ port: 443 }] }],
    })
    const nobody = securityPolicy('shop/r', {
      subject: { podSelector: { matchLabels: { app: 'gone' } } },
      ingress: [{ action: 'Allow', ports: [{ port: 1 }] }],
    })
    const proof = prove(modelOf(WORKLOADS, [policy, again, nobody]), { kind: 'unneeded' })
    expect(proof.kind === 'unneeded' && proof.rules).toMatchObject([
      {
        rule: 'SecurityPolicy/shop/p#ingress[1]',
        kind: 'shadowed',
        covers: ['SecurityPolicy/shop/p#ingress[0]'],
        witness: { query: { port: 85 }, decision: { by: 'SecurityPolicy/shop/p#ingress[0]' } },
      },
      {
        rule: 'SecurityPolicy/shop/p#ingress[2]',
        kind: 'redundant',
        covers: ['SecurityPolicy/shop/q#ingress[0]'],
      },
      {
        rule: 'SecurityPolicy/shop/q#ingress[0]',
        kind: 'shadowed',
        covers: ['SecurityPolicy/shop/p#ingress[2]'],
      },
      { rule: 'SecurityPolicy/shop/r#ingress[0]', kind: 'unselected', covers: [] },
    ])
  })
})

function build({ namespaces, nodes, workloads }: Cluster, policies: readonly PolicyDocument[]): Model {
  const model = createModel()
  model.update({
    namespaces: { set: namespaces },
    nodes: { set: nodes },
    workloads: { set: workloads },
    policies: { set: policies },
  })
  return model
}

/** Every pair of workload addresses and some addresses outside, on every port near one that is written anywhere. */
function* everyFlow(cluster: Cluster, model: Model): Generator<FlowQuery> {
  const numbers = [...new Set(PORTS.flatMap(port => [port - 1, port, port + 1, port + 50]))]
  const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP', 'ICMP', 'IP/47']
  const inside = cluster.workloads
    .filter(({ state, hostNetwork }) => state !== 'finished' && !hostNetwork)
    .flatMap(({ id, addresses }) =>
      addresses.filter(ip => model.workloadAt(ip)?.id === id).map(ip => ({ workload: id, ip })),
    )
  const outside = ['203.0.113.7', '8.8.8.8', 'fd00:2::ffff', '2001:db8::1'].map(ip => ({ ip }))
  for (const source of [...inside, ...outside])
    for (const destination of [...inside, ...outside]) {
      if (!('workload' in source) && !('workload' in destination)) continue
      if ('workload' in source && 'workload' in destination && source.workload === destination.workload)
        continue
      if (source.ip.includes(':') !== destination.ip.includes(':')) continue
      for (const protocol of protocols)
        for (const port of protocol === 'IP/47' ? [0] : protocol === 'ICMP' ? [0, 8] : numbers)
          yield { source, destination, protocol, port }
    }
}

describe('generated clusters', () => {
  test('a pair is reachable exactly where some flow of it is decided so', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), seed => {
        const cluster = generateCluster(seed, { ...SMALL, workloads: 7, policies: 8 })
        const model = build(cluster, cluster.policies)
        const allowed = new Map<string, boolean>()
        for (const query of everyFlow(cluster, model)) {
          const key = [query.source, query.destination].map(end => end.workload ?? 'outside').join(' ')
          allowed.set(key, allowed.get(key) === true || model.decide(query).verdict === 'allow')
        }
        const setOf = (id: string | undefined) => {
          const found = model.workloads.get(id as WorkloadId) // the ids above, or "outside"
          return found ? named(`${found.namespace}/${found.name}`) : OUTSIDE
        }
        for (const [key, some] of allowed) {
          const [from, to] = key.split(' ')
          const proof = reach(model, setOf(from), setOf(to))
          // Of the outside these flows are a few addresses; the proof looks at all, and its witness is checked.
          if (some || !key.includes('outside')) expect(proof.found, key).toBe(some && 'sure')
          for (const { query } of proof.witnesses) expect(model.decide(query).verdict).toBe('allow')
        }
      }),
      { numRuns: 6 },
    )
  })

  test('sets that differ are told apart, and what differs is a flow', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), seed => {
        const cluster = generateCluster(seed, { ...SMALL, workloads: 7, policies: 8 })
        const before = build(cluster, cluster.policies)
        const after = build(cluster, cluster.policies.slice(1))
        const proof = prove(before, { kind: 'difference', after })
        if (proof.kind !== 'difference') return
        for (const { query } of proof.differences)
          expect(before.decide(query).verdict).not.toBe(after.decide(query).verdict)
        if (!proof.equivalent) return
        for (const query of everyFlow(cluster, before))
          expect(before.decide(query).verdict).toBe(after.decide(query).verdict)
      }),
      { numRuns: 6 },
    )
  })
})
