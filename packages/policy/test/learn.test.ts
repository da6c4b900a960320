import type { EpochMs, Labels, Protocol } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type LearnEnd,
  type LearnFlow,
  type LearnGroup,
  type LearnOptions,
  learn,
  type Model,
} from '../src/index.ts'
import { modelOf, parsed, workload } from './builders.ts'
import { Random } from './random.ts'

const group = (key: string, labels: Labels, kind: LearnGroup['kind'] = 'pod'): LearnGroup => {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, owner: { kind: 'Deployment', name }, labels, kind }
}
const end = (key: string, ip: string, labels: Labels = { app: key.split('/')[1] ?? '' }): LearnEnd => ({
  group: group(key, labels),
  ip,
})
const web = end('shop/web', '10.0.0.1', { app: 'web', 'pod-template-hash': '7c9', 'helm.sh/chart': 'web-1' })
const api = end('shop/api', '10.0.0.2')
const db = end('payments/db', '10.0.1.1')
const dns = end('kube-system/coredns', '10.0.2.1', { 'k8s-app': 'kube-dns' })
const outside = (ip: string): LearnEnd => ({ ip })

const at = (ms: number) => ms as EpochMs
function flow(
  source: LearnEnd,
  destination: LearnEnd,
  service: string,
  more: Partial<LearnFlow> = {},
): LearnFlow {
  const [protocol, port] = service.split(' ')
  return {
    source,
    destination,
    protocol: protocol as Protocol,
    port: Number(port),
    connections: 20,
    first: at(0),
    last: at(600_000),
    outcome: 'allowed',
    bytesToSource: 100_000,
    ...more,
  }
}

const SHOP = [flow(web, api, 'TCP 8080'), flow(web, dns, 'UDP 53'), flow(api, db, 'TCP 5432')]

function rulesOf(flows: readonly LearnFlow[], policy: string, options: LearnOptions = {}) {
  return learn(flows, options).policies.find(one => one.document.id.endsWith(policy))?.rules ?? []
}

describe('learn', () => {
  test('one policy for each group, both directions, in Audit', () => {
    const { policies, yaml } = learn(SHOP)
    expect(policies.map(({ document }) => [document.id, document.mode])).toEqual([
      ['SecurityPolicy/kube-system/learned-coredns', 'Audit'],
      ['SecurityPolicy/payments/learned-db', 'Audit'],
      ['SecurityPolicy/shop/learned-api', 'Audit'],
      ['SecurityPolicy/shop/learned-web', 'Audit'],
    ])
    for (const { document } of policies) expect(Object.keys(document.sections)).toEqual(['ingress', 'egress'])
    expect(parsed(yaml).map(document => document.id)).toEqual(policies.map(one => one.document.id))
  })

  test('labels that change with every version select nothing', () => {
    const { document } = learn(SHOP).policies.at(-1) ?? {}
    expect(document?.subject).toEqual({ kind: 'pods', podSelector: { matchLabels: { app: 'web' } } })
  })

  test('a rule carries its evidence', () => {
    expect(rulesOf(SHOP, 'learned-db')).toEqual([
      {
        rule: 'SecurityPolicy/payments/learned-db#ingress[0]',
        peers: ['shop/api'],
        ports: ['TCP 5432'],
        connections: 20,
        first: 0,
        last: 600_000,
        confidence: 'high',
        notes: [],
      },
    ])
  })

  test.each([
    [20, 600_000, 'high'],
    [20, 1_000, 'medium'],
    [3, 600_000, 'medium'],
    [2, 600_000, 'low'],
  ] as const)('%i connections in %i ms: %s', (connections, last, confidence) => {
    const flows = [flow(web, api, 'TCP 80', { connections, last: at(last) })]
    expect(rulesOf(flows, 'learned-api')[0]?.confidence).toBe(confidence)
  })

  test('DNS: over TCP too, and proposed to who was not seen asking; the server accepts both', () => {
    const codes = (policy: string) => rulesOf(SHOP, policy).flatMap(rule => rule.notes.map(note => note.code))
    expect(codes('learned-web')).toEqual(['dns-tcp-added'])
    expect(codes('learned-api')).toEqual(['dns-proposed'])
    expect(codes('learned-db')).toEqual([])
    expect(rulesOf(SHOP, 'learned-coredns').map(rule => [rule.peers, rule.ports])).toEqual([
      [
        ['shop/api', 'shop/web'],
        ['TCP 53', 'UDP 53'],
      ],
    ])
  })

  test('where no name server was seen the cluster’s own is proposed', () => {
    const rule = rulesOf([flow(web, api, 'TCP 80')], 'learned-web').find(one => one.notes.length > 0)
    expect(rule).toMatchObject({ peers: ['kube-system/kube-dns'], connections: 0, confidence: 'low' })
  })

  test('peers with other ports get other rules: no pair is allowed that was not seen', () => {
    const flows = [
      flow(web, db, 'TCP 1'),
      flow(web, db, 'TCP 2'),
      flow(api, db, 'TCP 2'),
      flow(api, db, 'TCP 3'),
    ]
    expect(rulesOf(flows, 'learned-db').map(rule => [rule.peers, rule.ports])).toEqual([
      [['shop/api'], ['TCP 2-3']],
      [['shop/web'], ['TCP 1-2']],
    ])
  })

  test('outside addresses join only where the whole block was seen', () => {
    const flows = ['203.0.113.4', '203.0.113.5', '203.0.113.7', '2001:db8::1'].map(ip =>
      flow(api, outside(ip), 'TCP 443'),
    )
    const peers = rulesOf(flows, 'learned-api').find(rule => rule.ports.includes('TCP 443'))?.peers
    expect(peers).toEqual(['2001:db8::1/128', '203.0.113.4/31', '203.0.113.7/32'])
  })

  test('too many public addresses open the port to all public ones, with a note', () => {
    const flows = Array.from({ length: 40 }, (_, n) => flow(api, outside(`203.0.113.${n * 2}`), 'TCP 443'))
    const rules = rulesOf([...flows, flow(api, outside('10.9.9.9'), 'TCP 443')], 'learned-api')
    const open = rules.find(rule => rule.notes.some(note => note.code === 'open-to-internet'))
    expect(open).toMatchObject({ peers: ['0.0.0.0/0', '10.9.9.9/32'], ports: ['TCP 443'], connections: 820 })
    const model = applied([...flows], { kind: 'NetworkPolicy' })
    const to = (ip: string) =>
      model.judge({ source: { ip: '10.0.0.2' }, destination: { ip }, protocol: 'TCP', port: 443 }).outcome
    expect(['198.51.100.1', '169.254.169.254', '10.0.0.1', '192.168.1.1', '100.64.0.1'].map(to)).toEqual([
      'allowed',
      'denied',
      'denied',
      'denied',
      'denied',
    ])
  })

  test('groups that share labels are told apart, or merged with a note', () => {
    const wide = end('shop/wide', '10.0.0.5', { app: 'x' })
    const narrow = end('shop/narrow', '10.0.0.6', { app: 'x', tier: 'back' })
    const twin = end('shop/twin', '10.0.0.7', { app: 'x' })
    const { policies, notes } = learn([
      flow(wide, db, 'TCP 1'),
      flow(narrow, db, 'TCP 2'),
      flow(twin, db, 'TCP 3'),
    ])
    const subject = policies.find(one => one.document.name === 'learned-twin')?.document.subject
    expect(subject?.kind === 'pods' && subject.podSelector).toEqual({
      matchLabels: { app: 'x' },
      matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }],
    })
    expect(notes).toEqual([{ code: 'groups-merged', details: { groups: 'shop/twin, shop/wide' } }])
  })

  test('a group without labels is allowed by address, and gets no policy', () => {
    const bare = end('shop/bare', '10.0.0.9', { 'pod-template-hash': 'x' })
    const { policies, notes } = learn([flow(bare, db, 'TCP 5432')])
    expect(policies.map(one => one.document.name)).toEqual(['learned-db'])
    expect(policies[0]?.rules[0]).toMatchObject({
      peers: ['10.0.0.9/32'],
      notes: [{ code: 'address-for-workload' }],
    })
    expect(notes).toEqual([{ code: 'no-labels', details: { group: 'shop/bare' } }])
  })

  test('what shares its node’s network is an address', () => {
    const host = { group: group('shop/host', { app: 'host' }, 'host'), ip: '192.168.0.1' }
    const { policies, notes } = learn([flow(host, db, 'TCP 5432')])
    expect(policies[0]?.rules[0]?.peers).toEqual(['192.168.0.1/32'])
    expect(notes.map(note => note.code)).toEqual(['shares-node-network'])
  })

  test('only the namespaces that are asked for', () => {
    expect(learn(SHOP, { namespaces: ['payments'] }).policies.map(one => one.document.id)).toEqual([
      'SecurityPolicy/payments/learned-db',
    ])
  })

  test('what comes from a workload’s own node needs no rule, but the workload still gets its policy', () => {
    const probe = flow(outside('192.168.0.1'), api, 'TCP 8080', { why: 'own-node' })
    const { policies, excluded } = learn([probe])
    expect(policies.map(({ document, rules }) => [document.name, rules.map(rule => rule.peers)])).toEqual([
      ['learned-api', []],
    ])
    expect(excluded).toEqual([])
  })

  test('what is held in memory is bounded, and said; the rest is not even read', () => {
    let read = 0
    function* endless() {
      for (;;) yield flow(web, api, `TCP ${(read++ % 1_000) + 1}`)
    }
    const { notes } = learn(endless(), { most: 20 })
    expect(read).toBe(21)
    expect(notes).toEqual([{ code: 'flows-limited', details: { flows: 20 } }])
    expect(learn(SHOP, { most: SHOP.length }).notes).toEqual([])
  })

  test('the same flows in another order propose the same', () => {
    expect(learn(SHOP.toReversed()).yaml).toBe(learn(SHOP).yaml)
  })
})

describe('what is not learned', () => {
  const quick = { connections: 1, bytesToSource: 60, last: at(1_000) }
  const ports = Array.from({ length: 12 }, (_, n) =>
    flow(web, db, `TCP ${n + 1}`, { ...quick, first: at(n * 100) }),
  )
  const hosts = Array.from({ length: 12 }, (_, n) =>
    flow(web, outside(`203.0.113.${n}`), 'TCP 22', { ...quick, outcome: 'denied' }),
  )
  const codes = (flows: readonly LearnFlow[], options: LearnOptions = {}) => [
    ...new Set(learn(flows, options).excluded.map(one => one.code)),
  ]

  test.each<[string, readonly LearnFlow[], string[]]>([
    ['a scan of ports', ports, ['port-scan']],
    ['a scan of hosts', hosts, ['port-scan']],
    ['a slow one is no scan', ports.map((one, n) => ({ ...one, first: at(n * 600_000) })), []],
    ['answered conversations are none', ports.map(one => ({ ...one, bytesToSource: 5_000 })), []],
    ['few ports are none', ports.slice(0, 9), []],
    ['the metadata service', [flow(web, outside('169.254.169.254'), 'TCP 80')], ['metadata-probe']],
    ['what is denied now', [flow(web, api, 'TCP 80', { outcome: 'denied' })], ['denied']],
    [
      'what would be denied if Audit were enforced is learned',
      [flow(web, api, 'TCP 80', { outcome: 'audited' })],
      [],
    ],
    ['a protocol that cannot be written', [flow(web, api, 'IP/47 0')], ['not-expressible']],
    ['ICMP can', [flow(web, api, 'ICMP 8')], []],
  ])('%s', (_name, flows, expected) => {
    expect(codes(flows)).toEqual(expected)
  })

  test('NetworkPolicy knows no ICMP', () => {
    expect(codes([flow(web, api, 'ICMP 8')], { kind: 'NetworkPolicy' })).toEqual(['not-expressible'])
  })

  test('what the caller calls suspicious', () => {
    const suspicious = ({ port }: LearnFlow) => (port === 3333 ? 'mining-pool' : undefined)
    const { excluded } = learn([...SHOP, flow(web, outside('203.0.113.1'), 'TCP 3333')], { suspicious })
    expect(excluded).toMatchObject([
      { source: 'shop/web', destination: '203.0.113.1', port: 3333, code: 'mining-pool' },
    ])
  })

  test('real traffic of a scanned workload is learned beside the scan', () => {
    const { excluded, policies } = learn([...SHOP, ...ports])
    expect(excluded).toHaveLength(12)
    expect(policies.flatMap(one => one.rules.map(rule => rule.connections))).toContain(20)
  })
})

/** The proposal in force, with a workload for each group. */
function applied(flows: readonly LearnFlow[], options: LearnOptions): Model {
  const ends = flows.flatMap(({ source, destination }) => [source, destination])
  const workloads = ends.flatMap(({ group: of, ip }) =>
    of ? [workload(`${of.namespace}/${of.owner.name}`, ip, { labels: of.labels })] : [],
  )
  return modelOf(
    [...new Map(workloads.map(one => [one.id, one])).values()],
    learn(flows, { ...options, mode: 'Enforce' }).policies.map(one => one.document),
  )
}

test('a proposal in force allows every learned flow and denies every excluded one', () => {
  const groups = [
    web,
    api,
    db,
    dns,
    end('shop/wide', '10.0.0.5', { app: 'x' }),
    end('shop/narrow', '10.0.0.6', { app: 'x', tier: 'b' }),
  ]
  const all = [
    ...groups,
    outside('203.0.113.4'),
    outside('203.0.113.5'),
    outside('2001:db8::7'),
    outside('10.9.0.1'),
  ]
  const services = ['TCP 80', 'TCP 81', 'TCP 5432', 'UDP 53', 'TCP 53', 'SCTP 9']
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.constantFrom('NetworkPolicy' as const, 'SecurityPolicy' as const),
      (seed, kind) => {
        const random = new Random(seed)
        const flows = new Map<string, LearnFlow>()
        while (flows.size < 25) {
          const [source, destination, service] = [random.pick(all), random.pick(all), random.pick(services)]
          if (!source.group && !destination.group) continue
          if (source === destination || source.ip.includes(':') !== destination.ip.includes(':')) continue
          flows.set(`${source.ip} ${destination.ip} ${service}`, flow(source, destination, service))
        }
        // A name that is asked for is allowed on suspicion, so suspicious DNS is not to be expected to stop.
        const bad = new Set(
          [...flows].filter(([, one]) => one.port !== 53 && random.chance(0.2)).map(([key]) => key),
        )
        const keyOf = (one: LearnFlow) => `${one.source.ip} ${one.destination.ip} ${one.protocol} ${one.port}`
        const options: LearnOptions = {
          kind,
          suspicious: one => (bad.has(keyOf(one)) ? 'marked' : undefined),
        }
        const model = applied([...flows.values()], options)
        for (const [key, one] of flows) {
          const query = {
            source: { ip: one.source.ip },
            destination: { ip: one.destination.ip },
            protocol: one.protocol,
            port: one.port,
          }
          expect(model.judge(query).outcome, key).toBe(bad.has(key) ? 'denied' : 'allowed')
        }
      },
    ),
    { numRuns: 60 },
  )
})
