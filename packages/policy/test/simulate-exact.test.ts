import type { EpochMs, NodeName, Protocol } from '@sekisho/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createModel,
  type FlowFacts,
  type FlowQuery,
  type Model,
  type PolicyDocument,
  type QueryEnd,
  type RecordedFlow,
  type SimulationGroup,
  simulate,
} from '../src/index.ts'
import { changeOf } from '../src/simulate/effect.ts'
import { Memo } from '../src/simulate/memo.ts'
import { Tuples } from '../src/simulate/tuples.ts'
import { modelOf, NODE, networkPolicy, securityPolicy, workload } from './builders.ts'
import { type Cluster, ClusterSource, PORTS, RICH, type Sizes } from './cluster.ts'

const PROTOCOLS: readonly Protocol[] = ['TCP', 'TCP', 'TCP', 'UDP', 'ICMP', 'IP/47', 'IP/50']
const FACTS: readonly FlowFacts[] = [
  {},
  { application: 'http' },
  { application: 'unknown' },
  { names: ['api.example.com'], application: 'http' },
]
const OUTSIDE = ['203.0.113.7', '192.168.0.1', '192.168.0.2', 'fd00:1::1', '2001:db8::1', 'FD00:2::1', 'none']

/** Flows of few ends and ports, so that most are asked for again, between ends named in every way. */
function recordedFlows({ random }: ClusterSource, { workloads }: Cluster): readonly RecordedFlow[] {
  const names = workloads.map(({ id }) => id)
  const ips = [...workloads.flatMap(({ addresses }) => addresses), ...OUTSIDE]
  const end = (): QueryEnd =>
    random.pick<() => QueryEnd>([
      () => ({ ip: random.pick(ips) }),
      () => ({ workload: random.pick(names) }),
      () => ({ workload: random.pick(names), ip: random.pick(ips) }),
    ])()
  const one = (): RecordedFlow => ({
    query: {
      source: end(),
      destination: end(),
      protocol: random.pick(PROTOCOLS),
      port: random.pick([...PORTS, 80 + 2 ** 16, 2 ** 40, 0.5]),
      ...(random.chance(0.4) && { facts: random.pick(FACTS) }),
    },
    source: random.pick(['a', 'b']),
    destination: random.pick(['a', 'b']),
    connections: 1 + random.below(5),
    first: 0 as EpochMs,
    last: 1 as EpochMs,
    attack: random.chance(0.2),
  })
  const flows = Array.from({ length: 150 }, one)
  return [...flows, ...flows.map(flow => ({ ...flow, query: { ...flow.query, port: random.pick(PORTS) } }))]
}

/** What `simulate` says, by asking both models about each flow. */
function byJudging(flows: readonly RecordedFlow[], before: Model, after: Model) {
  const counts = { unchanged: 0, newlyDenied: 0, newlyAllowed: 0, auditChanged: 0, undecided: 0 }
  const groups = new Map<string, number>()
  for (const { query, source, destination, connections, attack } of flows) {
    const [old, now] = [before.judge(query), after.judge(query)]
    const isOpen = old.decision.inspect !== undefined || now.decision.inspect !== undefined
    const change = changeOf(old.outcome, now.outcome, isOpen)
    counts[change] += connections
    if (change === 'unchanged' || change === 'undecided') continue
    const { by, why } = now.decision
    const { protocol, port } = query
    const outcomes = { before: old.outcome, after: now.outcome }
    const key = keyOf({ source, destination, protocol, port, ...outcomes, ...(by && { by }), why, attack })
    groups.set(key, connections + (groups.get(key) ?? 0))
  }
  return { ...counts, groups }
}

const keyOf = (group: Omit<SimulationGroup, 'connections'>): string => {
  const { source, destination, protocol, port, before, after, by, why, attack } = group
  return JSON.stringify([source, destination, protocol, port, before, after, by, why, attack])
}

function simulated(flows: Iterable<RecordedFlow>, before: Model, after: Model) {
  const result = simulate({ flows, before, after })
  const { unchanged, newlyDenied, newlyAllowed, auditChanged, undecided } = result
  const groups = new Map(result.groups.map(({ connections, ...group }) => [keyOf(group), connections]))
  expect(groups.size).toBe(result.groups.length)
  return { unchanged, newlyDenied, newlyAllowed, auditChanged, undecided, groups }
}

interface Version extends Cluster {
  readonly policies: readonly PolicyDocument[]
}

function modelFrom({ namespaces, nodes, workloads, policies, now }: Version): Model {
  const model = createModel()
  model.update({
    ...(now !== undefined && { now }),
    namespaces: { set: namespaces },
    nodes: { set: nodes },
    workloads: { set: workloads },
    policies: { set: policies },
  })
  return model
}

/** So few labels and rules that many ends are of one kind, and what does not follow from it shows. */
const ALIKE: Sizes = { ...RICH, namespaces: 1, workloads: 20, policies: 3, apps: 1, conditional: 0.4 }

const seeds = fc.record({ seed: fc.integer({ min: 0, max: 2 ** 31 }), sizes: fc.constantFrom(RICH, ALIKE) })

const NOW = Date.parse('2030-06-01T00:00:00Z') as EpochMs

/** Another version of a cluster: most often only its policies differ, and most of what is the same is the same object. */
function otherOf(source: ClusterSource, cluster: Cluster): Version {
  const { random, sizes } = source
  const changed = source.policy(random.below(sizes.policies))
  const policies = [...cluster.policies.filter(({ id }) => id !== changed.id), changed]
  const at = random.below(sizes.workloads)
  const others: readonly (() => Partial<Version>)[] = [
    () => ({}),
    () => ({ policies: [] }),
    () => ({ ...cluster, workloads: cluster.workloads.with(at, source.workload(at)) }),
    () => ({ ...cluster, namespaces: cluster.namespaces.with(0, source.namespace(0)) }),
    () => ({ nodes: cluster.nodes.slice(0, 1) }),
    () => ({ now: NOW }),
  ]
  return { ...cluster, policies, ...random.pick(others)() }
}

test('it says what both models say of each flow', () => {
  const property = fc.property(seeds, ({ seed, sizes }) => {
    const source = new ClusterSource(seed, sizes)
    const cluster = source.cluster()
    const other = otherOf(source, cluster)
    const flows = recordedFlows(source, cluster)
    const [before, after] = [modelFrom(cluster), modelFrom(other)]
    expect(simulated(flows, before, after)).toEqual(byJudging(flows, before, after))
  })
  fc.assert(property, { numRuns: 120 })
})

test('also where the models change while it reads', () => {
  const property = fc.property(seeds, ({ seed, sizes }) => {
    const source = new ClusterSource(seed, sizes)
    const cluster = source.cluster()
    const other = otherOf(source, cluster)
    const flows = recordedFlows(source, cluster)
    const half = flows.length / 2
    const recalled = [source.workload(source.random.below(source.sizes.workloads))]
    const [before, after] = [modelFrom(cluster), modelFrom(other)]
    function* recalling() {
      yield* flows.slice(0, half)
      for (const model of [before, after]) model.update({ workloads: { set: recalled } })
      yield* flows.slice(half)
    }
    const first = byJudging(flows.slice(0, half), before, after)
    const all = simulated(recalling(), before, after)
    const second = byJudging(flows.slice(half), before, after)
    expect(all.unchanged).toBe(first.unchanged + second.unchanged)
    expect(all.newlyDenied).toBe(first.newlyDenied + second.newlyDenied)
    expect(all.newlyAllowed).toBe(first.newlyAllowed + second.newlyAllowed)
  })
  fc.assert(property, { numRuns: 25 })
})

const FLOW = {
  source: 'a',
  destination: 'b',
  connections: 1,
  first: 0 as EpochMs,
  last: 1 as EpochMs,
  attack: false,
}
const asked = (query: Partial<FlowQuery>): RecordedFlow => ({
  ...FLOW,
  query: { source: { ip: '10.0.0.1' }, destination: { ip: '10.0.0.2' }, protocol: 'TCP', port: 80, ...query },
})
const API = { podSelector: { matchLabels: { app: 'api' } } }
const closed = networkPolicy('shop/p', { ...API, ingress: [] })
const fromWeb = { from: [{ podSelector: {} }], action: 'Allow' }
const TWO_NODES = [
  workload('shop/web', '10.0.0.1'),
  workload('shop/api', '10.0.0.2'),
  workload('shop/api-2', '10.0.0.3', { labels: { app: 'api' }, node: 'node-b' as NodeName }),
]

test.each<[string, Partial<FlowQuery>, Partial<FlowQuery>, PolicyDocument]>([
  [
    'on the own node and on another one',
    { source: { ip: '192.168.0.1' }, destination: { ip: '10.0.0.2' } },
    { source: { ip: '192.168.0.1' }, destination: { ip: '10.0.0.3' } },
    closed,
  ],
  [
    'to itself and to another one',
    { source: { ip: '10.0.0.2' }, destination: { ip: '10.0.0.2' } },
    { source: { ip: '10.0.0.2' }, destination: { ip: '10.0.0.3' } },
    closed,
  ],
  [
    'in one protocol and in another',
    { facts: { application: 'http' } },
    { facts: { application: 'redis' } },
    securityPolicy('shop/p', { subject: API, ingress: [{ ...fromWeb, applications: ['http'] }] }),
  ],
  [
    'to one name and to another',
    { destination: { ip: '203.0.113.1' }, facts: { names: ['a.example.com'], application: 'unknown' } },
    { destination: { ip: '203.0.113.1' }, facts: { names: ['b.example.com'], application: 'unknown' } },
    securityPolicy('shop/p', {
      subject: { podSelector: { matchLabels: { app: 'web' } } },
      egress: [{ to: [{ fqdn: 'a.example.com' }], action: 'Allow' }],
    }),
  ],
  [
    'to a port and to what is none',
    { protocol: 'UDP', port: 80 },
    { protocol: 'TCP', port: 80 + 2 ** 16 },
    networkPolicy('shop/p', { ...API, ingress: [{ ports: [{ protocol: 'UDP', port: 80 }] }] }),
  ],
])('one is as before and the other is denied: %s', (_name, kept, broken, policy) => {
  const flows = [asked(kept), asked(broken)]
  const [before, after] = [modelOf(TWO_NODES), modelOf(TWO_NODES, [policy])]
  for (const each of [flows, flows.toReversed()]) {
    expect(simulate({ flows: each, before, after })).toMatchObject({ unchanged: 1, newlyDenied: 1 })
  }
})

test.each([
  ['after', 'newlyDenied'],
  ['before', 'newlyAllowed'],
] as const)(
  "an address that is a node's only %s reaches what runs there, and nothing else alike",
  (when, changed) => {
    const source = { ip: '192.168.0.9' }
    const flows = ['10.0.0.2', '10.0.0.3'].map(ip => asked({ source, destination: { ip } }))
    const open = modelOf(TWO_NODES)
    const judging = modelOf(TWO_NODES, [closed])
    judging.update({ nodes: { set: [{ name: NODE, addresses: [source.ip] }] } })
    const [before, after] = when === 'after' ? [open, judging] : [judging, open]
    for (const each of [flows, flows.toReversed()]) {
      expect(simulate({ flows: each, before, after })).toMatchObject({ unchanged: 1, [changed]: 1 })
    }
  },
)

test('a scan from more addresses than are kept is judged to its end', () => {
  const workloads = [workload('shop/api', '10.0.0.2')]
  const half = networkPolicy('shop/p', {
    podSelector: {},
    ingress: [{ from: [{ ipBlock: { cidr: '203.0.0.0/17' } }] }],
  })
  function* scan(): Iterable<RecordedFlow> {
    for (let at = 0; at < 2 ** 16; at++) {
      const source = `203.0.${at >> 8}.${at & 255}`
      const query = {
        source: { ip: source },
        destination: { ip: '10.0.0.2' },
        protocol: 'TCP',
        port: 80,
      } as const
      const [first, last] = [0 as EpochMs, 1 as EpochMs]
      yield { query, source: 'world', destination: 'shop/api', connections: 1, first, last, attack: true }
    }
  }
  const [before, after] = [modelOf(workloads), modelOf(workloads, [half])]
  expect(simulate({ flows: scan(), before, after })).toMatchObject({
    unchanged: 2 ** 15,
    newlyDenied: 2 ** 15,
  })
})

test('what is remembered is what was said, or nothing', () => {
  const memo = new Memo()
  const keys = Array.from({ length: 400_000 }, (_, at) => [at % 2, at % 3, at] as const)
  for (const [a, b, c] of keys) memo.set(a, b, c, c + 1)
  const wrong = keys.filter(([a, b, c]) => ![0, c + 1].includes(memo.get(a, b, c)))
  expect(wrong).toEqual([])
  expect(memo.get(...(keys.at(-1) ?? [0, 0, 0]))).toBe(400_000)
  memo.clear()
  expect(keys.every(key => memo.get(...key) === 0)).toBe(true)
})

test('tuples are numbered in the order in which they come, each once', () => {
  const tuples = new Tuples()
  const value = fc.integer({ min: -3, max: 3 })
  const many = fc.sample(fc.tuple(value, value, value, value), { numRuns: 5000, seed: 1 })
  const known = new Map<string, number>()
  for (const tuple of many) {
    const held = known.get(tuple.join()) ?? known.size
    known.set(tuple.join(), held)
    expect(tuples.of(...tuple)).toBe(held)
  }
  expect(known.size).toBeGreaterThan(1500)
})
