import type { Workload } from '@sekisho/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { importPolicies } from '../src/index.ts'
import { modelOf, workload } from './builders.ts'

const WORKLOADS = [
  workload('a/web', '10.0.0.1', { labels: { app: 'web', tier: 'x' } }),
  workload('a/db', '10.0.0.2', { labels: { app: 'db' } }),
  workload('b/web', '10.0.0.3', { labels: { app: 'web' } }),
  workload('b/job', '10.0.0.4', { labels: { app: 'job', tier: 'y' } }),
]
const OUTSIDE = '203.0.113.9'
type End = Workload | 'outside'

const is = (key: string, value: string, op = '=') => ({ key, op, value })
interface Group {
  readonly criteria: readonly ReturnType<typeof is>[]
  holds(end: End): boolean
}
const pods = (test: (pod: Workload) => boolean) => (end: End) => end !== 'outside' && test(end)
const service = (name: string, space: string): Group => ({
  criteria: [is('service', `${name}.${space}`), is('domain', space)],
  holds: pods(pod => pod.name === name && pod.namespace === space),
})

/** Groups of each kind, and which ends each holds. */
const GROUPS: Readonly<Record<string, Group>> = {
  containers: { criteria: [], holds: pods(() => true) },
  external: { criteria: [], holds: end => end === 'outside' },
  'nv.web.a': service('web', 'a'),
  'nv.db.a': service('db', 'a'),
  'nv.web.b': service('web', 'b'),
  'in-b': { criteria: [is('domain', 'b')], holds: pods(pod => pod.namespace === 'b') },
  'not-b': { criteria: [is('namespace', 'b', '!=')], holds: pods(pod => pod.namespace !== 'b') },
  'web-or-y': {
    criteria: [is('app', 'web'), is('tier', 'y')],
    holds: pods(({ labels }) => labels.app === 'web' || labels.tier === 'y'),
  },
  'web-of-a': {
    criteria: [is('app', 'web'), is('domain', 'a')],
    holds: pods(({ labels, namespace }) => labels.app === 'web' && namespace === 'a'),
  },
  'has-tier-not-x': {
    criteria: [is('tier', 'x', '!=')],
    holds: pods(({ labels }) => labels.tier !== undefined && labels.tier !== 'x'),
  },
}
const NAMES = Object.keys(GROUPS)
const SERVICES = NAMES.filter(name => name.startsWith('nv.'))

interface Rule {
  readonly from: string
  readonly to: string
  readonly action: 'allow' | 'deny'
  readonly ports: 'any' | 'tcp/80' | 'tcp/81-90,udp/any'
  readonly priority: number
}
const RULE: fc.Arbitrary<Rule> = fc.record({
  from: fc.constantFrom(...NAMES),
  to: fc.constantFrom(...NAMES),
  action: fc.constantFrom('allow', 'allow', 'deny'),
  ports: fc.constantFrom('any', 'tcp/80', 'tcp/81-90,udp/any'),
  priority: fc.nat(2),
})

const CONVERSATIONS = [
  ['TCP', 80],
  ['TCP', 81],
  ['UDP', 80],
] as const
const matchesPort = (ports: Rule['ports'], protocol: string, port: number): boolean =>
  ports === 'any' ||
  (ports === 'tcp/80' ? protocol === 'TCP' && port === 80 : protocol === 'UDP' || port === 81)

const selector = (name: string) => ({ name, criteria: GROUPS[name]?.criteria ?? [] })
const document = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'neuvector.com/v1', kind, metadata: { name }, spec })

/** Every service in Protect, and each rule in a document of its own: as ingress of its target, or as egress of its source. */
function textOf(rules: readonly Rule[]): string {
  const services = SERVICES.map(name =>
    document('NvClusterSecurityRule', name, { target: { policymode: 'Protect', selector: selector(name) } }),
  )
  const lists = rules.map(({ from, to, ...rule }, i) => {
    const isIngress = i % 2 === 0
    const detail = {
      ...rule,
      name: `r${i}`,
      applications: ['any'],
      selector: selector(isIngress ? from : to),
    }
    const section = isIngress ? { ingress: [detail] } : { egress: [detail] }
    return document('NvClusterSecurityRule', `r${i}`, {
      target: { selector: selector(isIngress ? to : from) },
      ...section,
    })
  })
  return [...services, ...lists].join('\n---\n')
}

/** Whether a rule is about any service: one that is not has no place. */
const concerns = ({ from, to }: Rule): boolean =>
  WORKLOADS.some(
    pod =>
      SERVICES.some(name => GROUPS[name]?.holds(pod)) && (GROUPS[from]?.holds(pod) || GROUPS[to]?.holds(pod)),
  )

function passes(
  rules: readonly Rule[],
  ends: readonly [End, End],
  [protocol, port]: readonly [string, number],
): boolean {
  const isGuarded = ends.some(end => SERVICES.some(name => GROUPS[name]?.holds(end)))
  const asked = rules.toSorted(
    (a, b) => b.priority - a.priority || Number(b.action === 'deny') - Number(a.action === 'deny'),
  )
  const first = asked.find(
    ({ from, to, ports }) =>
      GROUPS[from]?.holds(ends[0]) && GROUPS[to]?.holds(ends[1]) && matchesPort(ports, protocol, port),
  )
  return isGuarded ? first?.action === 'allow' : true
}

test('one list between groups means in Sekisho what it means in NeuVector', () => {
  fc.assert(
    fc.property(fc.array(RULE, { maxLength: 4 }), all => {
      const rules = all.filter(concerns)
      const { documents, refused } = importPolicies(textOf(rules), { workloads: WORKLOADS })
      expect(refused).toEqual([])
      const model = modelOf(WORKLOADS, documents)
      const ends: readonly End[] = [...WORKLOADS, 'outside']
      const query = (end: End) => (end === 'outside' ? { ip: OUTSIDE } : { workload: end.id })
      for (const from of ends)
        for (const to of ends) {
          if (from === to) continue
          for (const [protocol, port] of CONVERSATIONS) {
            const { verdict } = model.decide({ source: query(from), destination: query(to), protocol, port })
            const where = JSON.stringify(
              [from, to, protocol, port].map(part => (typeof part === 'object' ? part.id : part)),
            )
            expect(verdict === 'allow', where).toBe(passes(rules, [from, to], [protocol, port]))
          }
        }
    }),
    { numRuns: 80 },
  )
})
