import type { Workload } from '@sekisho/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { importPolicies } from '../src/index.ts'
import { modelOf, workload } from './builders.ts'

const WORKLOADS = [
  workload('a/web', '10.0.0.1', { labels: { app: 'web' } }),
  workload('a/db', '10.0.0.2', { labels: { app: 'db' }, serviceAccount: 'db' }),
  workload('b/web', '10.0.0.3', { labels: { app: 'web' } }),
  workload('b/job', '10.0.0.4', { labels: { app: 'job' }, serviceAccount: 'db' }),
]
type End = Workload | 'outside'
type Json = Readonly<Record<string, unknown>>

/** What a selector holds, seen from the namespace of its policy; empty for a cluster-wide one. */
interface Selector {
  readonly json: Json
  holds(pod: Workload, home: string): boolean
}
const isHome = (pod: Workload, home: string): boolean => home === '' || pod.namespace === home
const labels = (matchLabels: Json): Json => ({ matchLabels })
const SELECTORS = {
  every: { json: {}, holds: isHome },
  web: { json: labels({ app: 'web' }), holds: (pod, home) => isHome(pod, home) && pod.labels.app === 'web' },
  'web with source': {
    json: labels({ 'k8s:app': 'web' }),
    holds: (pod, home) => isHome(pod, home) && pod.labels.app === 'web',
  },
  'of b': { json: labels({ 'io.kubernetes.pod.namespace': 'b' }), holds: pod => pod.namespace === 'b' },
  'not web': {
    json: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] },
    holds: (pod, home) => isHome(pod, home) && pod.labels.app !== 'web',
  },
  account: {
    json: labels({ 'io.cilium.k8s.policy.serviceaccount': 'db' }),
    holds: (pod, home) => isHome(pod, home) && pod.serviceAccount === 'db',
  },
} as const satisfies Record<string, Selector>
type SelectorName = keyof typeof SELECTORS

type Peers =
  | { readonly endpoints: readonly SelectorName[] }
  | { readonly entity: 'world' | 'cluster' | 'all' | 'none' }
  | 'absent'
interface Rule {
  readonly peers: Peers
  readonly ports: 'absent' | '80' | '81-90' | 'every'
}
interface Policy {
  readonly home: 'a' | 'b' | ''
  readonly subject: SelectorName
  readonly allow: readonly Rule[]
  readonly deny: readonly Rule[]
}

const selector = fc.constantFrom(...(Object.keys(SELECTORS) as SelectorName[])) // its own keys
const RULE: fc.Arbitrary<Rule> = fc.record({
  peers: fc.oneof(
    fc.record({ endpoints: fc.array(selector, { maxLength: 2 }) }),
    fc.record({ entity: fc.constantFrom('world', 'cluster', 'all', 'none') }),
    fc.constant('absent' as const),
  ),
  ports: fc.constantFrom('absent', '80', '81-90', 'every'),
})
const POLICY: fc.Arbitrary<Policy> = fc.record({
  home: fc.constantFrom('a', 'b', ''),
  subject: selector.filter(name => name !== 'of b'),
  allow: fc.array(RULE, { maxLength: 3 }),
  deny: fc.array(RULE, { maxLength: 1 }),
})

const PORTS: Readonly<Record<Exclude<Rule['ports'], 'absent'>, Json>> = {
  '80': { port: '80', protocol: 'TCP' },
  '81-90': { port: '81', endPort: 90, protocol: 'ANY' },
  every: { port: '0', protocol: 'UDP' },
}
function ruleJson({ peers, ports }: Rule): Json {
  const from =
    peers === 'absent'
      ? {}
      : 'entity' in peers
        ? { fromEntities: [peers.entity] }
        : { fromEndpoints: peers.endpoints.map(name => SELECTORS[name].json) }
  return { ...from, ...(ports !== 'absent' && { toPorts: [{ ports: [PORTS[ports]] }] }) }
}
const textOf = (policies: readonly Policy[]): string =>
  policies
    .map(({ home, subject, allow, deny }, i) =>
      JSON.stringify({
        apiVersion: 'cilium.io/v2',
        kind: home === '' ? 'CiliumClusterwideNetworkPolicy' : 'CiliumNetworkPolicy',
        metadata: { name: `p${i}`, ...(home !== '' && { namespace: home }) },
        spec: {
          endpointSelector: SELECTORS[subject].json,
          ingress: allow.map(ruleJson),
          ingressDeny: deny.map(ruleJson),
        },
      }),
    )
    .join('\n---\n')

function matchesPeers(peers: Peers, from: End, home: string): boolean {
  if (peers === 'absent') return true
  if (!('entity' in peers))
    return from !== 'outside' && peers.endpoints.some(name => SELECTORS[name].holds(from, home))
  if (peers.entity === 'world') return from === 'outside'
  return peers.entity === 'cluster' ? from !== 'outside' : peers.entity === 'all'
}
const matchesPorts = (ports: Rule['ports'], protocol: string, port: number): boolean =>
  ports === 'absent' ||
  (ports === '80'
    ? protocol === 'TCP' && port === 80
    : ports === 'every'
      ? protocol === 'UDP'
      : port >= 81 && port <= 90)

/** Deny before Allow, whichever policy says so; who is selected by a policy with rules is closed; an empty rule is none. */
function passes(
  policies: readonly Policy[],
  from: End,
  to: Workload,
  [protocol, port]: readonly [string, number],
): boolean {
  const selecting = policies.filter(
    ({ home, subject }) => isHome(to, home) && SELECTORS[subject].holds(to, home),
  )
  const asks = (key: 'allow' | 'deny') =>
    selecting.some(policy =>
      policy[key].some(
        ({ peers, ports }) =>
          !(peers === 'absent' && ports === 'absent') &&
          matchesPeers(peers, from, policy.home) &&
          matchesPorts(ports, protocol, port),
      ),
    )
  const isClosed = selecting.some(({ allow, deny }) => allow.length + deny.length > 0)
  return !asks('deny') && (asks('allow') || !isClosed)
}

const CONVERSATIONS = [
  ['TCP', 80],
  ['TCP', 81],
  ['UDP', 80],
  ['SCTP', 90],
] as const

test('rules mean in Sekisho what they mean in Cilium', () => {
  fc.assert(
    fc.property(fc.array(POLICY, { minLength: 1, maxLength: 3 }), policies => {
      const { documents, refused } = importPolicies(textOf(policies))
      expect(refused).toEqual([])
      const model = modelOf(WORKLOADS, documents)
      const ends: readonly End[] = [...WORKLOADS, 'outside']
      for (const to of WORKLOADS)
        for (const from of ends.filter(end => end !== to))
          for (const what of CONVERSATIONS) {
            const [protocol, port] = what
            const source = from === 'outside' ? { ip: '203.0.113.9' } : { workload: from.id }
            const { verdict } = model.decide({ source, destination: { workload: to.id }, protocol, port })
            const where = `${from === 'outside' ? from : from.id} to ${to.id} ${what.join()}`
            expect(verdict === 'allow', where).toBe(passes(policies, from, to, what))
          }
    }),
    { numRuns: 60 },
  )
})
