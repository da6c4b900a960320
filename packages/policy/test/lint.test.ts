import { parseCidr } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { LINT_IDS, type LintId, lint, readManifests, toSarif } from '../src/index.ts'

const pod = (namespace: string, app: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${app}, namespace: ${namespace}}
spec: {template: {metadata: {labels: {app: ${app}}}, spec: {containers: [{name: c}]}}}
`
const space = (name: string) => `
apiVersion: v1
kind: Namespace
metadata: {name: ${name}, labels: {team: ${name}}}
`
const denyAll = (namespace: string) => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: ${namespace}}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
`
const dns = (namespace: string) => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: ${namespace}}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
    - to: [{namespaceSelector: {matchLabels: {team: kube-system}}}]
      ports: [{port: 53, protocol: UDP}, {port: 53}]
`
const CLUSTER = [
  space('shop'),
  space('payments'),
  space('kube-system'),
  pod('shop', 'api'),
  pod('shop', 'web'),
  pod('payments', 'db'),
  denyAll('shop'),
  denyAll('payments'),
  dns('shop'),
  dns('payments'),
].join('---')

const policy = (spec: string, metadata = 'name: p, namespace: payments') =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {${metadata}}\nspec: ${spec}\n`

function findings(text: string, cluster = CLUSTER, options: Parameters<typeof lint>[1] = {}) {
  const manifests = readManifests([
    { file: 'cluster.yaml', text: cluster },
    { file: 'p.yaml', text },
  ])
  expect(manifests.problems).toEqual([])
  return lint(manifests, options).filter(({ place }) => place.file === 'p.yaml')
}
const podCidr = parseCidr('10.42.0.0/16')

describe('each check finds what it is for, where it stands', () => {
  test.each<[LintId, string, number]>([
    [
      'missing-namespace-selector',
      '{podSelector: {}, ingress: [{from: [\n   {podSelector: {matchLabels: {app: api}}}], ports: [{port: 1}]}]}',
      5,
    ],
    [
      'rule-split',
      '\n  podSelector: {}\n  ingress:\n    - from: [{podSelector: {}}]\n    - ports: [{port: 5432}]',
      7,
    ],
    [
      'peer-split',
      '\n  podSelector: {}\n  ingress:\n    - ports: [{port: 1}]\n      from:\n        - namespaceSelector: {matchLabels: {team: shop}}\n        - podSelector: {matchLabels: {app: db}}',
      9,
    ],
    [
      'peer-merged',
      '\n  podSelector: {}\n  ingress:\n    - ports: [{port: 1}]\n      from:\n        - namespaceSelector: {matchLabels: {team: shop}}\n          podSelector: {matchLabels: {app: db}}',
      9,
    ],
    [
      'cidr-for-pods',
      '{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.42.7.9/32}}], ports: [{port: 1}]}]}',
      4,
    ],
    [
      'peer-selects-everything',
      '{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 1}]}]}',
      4,
    ],
    ['rule-allows-everything', '{podSelector: {}, ingress: [{}]}', 4],
    ['ingress-from-anywhere', '{podSelector: {}, ingress: [{ports: [{port: 443}]}]}', 4],
    [
      'egress-to-anywhere',
      '{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}]}',
      4,
    ],
    ['ports-unrestricted', '{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}', 4],
    [
      'selects-no-namespace',
      '{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shopp}}}], ports: [{port: 1}]}]}',
      4,
    ],
    ['subject-selects-nothing', '{podSelector: {matchLabels: {app: dbb}}, ingress: []}', 4],
  ])('%s', (id, spec, line) => {
    const options = podCidr.ok ? { podCidrs: [podCidr.value] } : {}
    const found = findings(policy(spec), CLUSTER, options)
    expect(found.map(finding => [finding.id, finding.place.line])).toContainEqual([id, line])
    // A good finding says what to do.
    for (const { fix, message } of found) expect(fix.length + message.length).toBeGreaterThan(20)
  })

  test('dns-forgotten, unless another policy about the same pods allows it', () => {
    const cluster = [space('shop'), pod('shop', 'api'), denyAll('shop')].join('---')
    const egress = policy(
      '{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress]}',
      'name: p, namespace: shop',
    )
    expect(findings(egress, cluster).map(({ id }) => id)).toContain('dns-forgotten')
    expect(findings(egress).map(({ id }) => id)).not.toContain('dns-forgotten')
  })

  test('no-default-deny stands at the namespace; namespace-unlabelled too', () => {
    const text = `apiVersion: v1\nkind: Namespace\nmetadata: {name: bare}\n---${pod('bare', 'x')}`
    expect(findings(text).map(({ id, place }) => [id, place.line])).toEqual([
      ['no-default-deny-ingress', 3],
      ['no-default-deny-egress', 3],
      ['namespace-unlabelled', 3],
    ])
  })
})

test.each([
  ['cilium.io/v2', 'CiliumNetworkPolicy', ['policy-not-read']],
  ['policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', ['policy-not-read']],
  ['projectcalico.org/v3', 'GlobalNetworkPolicy', ['policy-not-read']],
  ['neuvector.com/v1', 'NvSecurityRule', ['policy-not-read']],
  ['apps/v1', 'ControllerRevision', []],
])('%s %s', (apiVersion, kind, expected) => {
  const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: p, namespace: payments}\n`
  const found = findings(text)
  expect(found.map(({ id }) => id)).toEqual(expected)
  expect(found.every(({ place }) => place.line === 2)).toBe(true)
})

describe('a default deny', () => {
  const bare = [space('shop'), pod('shop', 'api')].join('---')
  const own = (spec: string, kind = 'SecurityPolicy', more = ', namespace: shop') =>
    `apiVersion: sekisho.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: deny${more}}\nspec: ${spec}\n`
  const open = (text: string) =>
    lint(
      readManifests([
        { file: 'c.yaml', text: bare },
        { file: 'p.yaml', text },
      ]),
    )
      .filter(({ id }) => id === 'no-default-deny-ingress')
      .map(({ message }) => message)

  test.each([
    ['of a namespace', policy('{podSelector: {}}', 'name: deny, namespace: shop')],
    [
      'with exceptions',
      policy('{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}', 'name: deny, namespace: shop'),
    ],
    ['of Sekisho', own('{mode: Enforce, ingress: []}')],
    ['of every namespace', own('{mode: Enforce, ingress: []}', 'ClusterSecurityPolicy', '')],
    [
      'of namespaces like this',
      own(
        '{mode: Enforce, subject: {namespaceSelector: {matchLabels: {team: shop}}}, ingress: []}',
        'ClusterSecurityPolicy',
        '',
      ),
    ],
  ])('%s', (_name, text) => {
    expect(open(text)).toEqual([])
  })

  test.each([
    ['that allows everything', policy('{podSelector: {}, ingress: [{}]}', 'name: deny, namespace: shop'), ''],
    [
      'about some pods',
      policy('{podSelector: {matchLabels: {app: api}}}', 'name: deny, namespace: shop'),
      '',
    ],
    ['about some accounts', own('{mode: Enforce, subject: {serviceAccounts: [a]}, ingress: []}'), ''],
    [
      'of other namespaces',
      own(
        '{mode: Enforce, subject: {namespaceSelector: {matchLabels: {team: jobs}}}, ingress: []}',
        'ClusterSecurityPolicy',
        '',
      ),
      '',
    ],
    ['that is only watched', own('{ingress: []}'), ': deny would, but is in Audit'],
  ])('is none %s', (_name, text, rest) => {
    expect(open(text)).toEqual([`namespace shop has no policy that denies ingress by default${rest}`])
  })
})

test('the world by name is everywhere too', () => {
  const world = (direction: string, side: string) =>
    `apiVersion: sekisho.dev/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: p, namespace: payments}\nspec: {${direction}: [{${side}: [{entity: world}], ports: [{port: 443}]}]}\n`
  expect(findings(world('ingress', 'from')).map(({ id }) => id)).toContain('ingress-from-anywhere')
  expect(findings(world('egress', 'to')).map(({ id }) => id)).toContain('egress-to-anywhere')
})

test('what is written as it should be has no findings', () => {
  const good = policy(
    '{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: api}}}], ports: [{port: 5432}]}]}',
  )
  expect(findings(good)).toEqual([])
  expect(lint(readManifests([{ file: 'c.yaml', text: CLUSTER }]))).toMatchObject([])
})

test('a policy says which checks it does not want', () => {
  const metadata =
    'name: p, namespace: payments, annotations: {sekisho.dev/lint-ignore: "rule-allows-everything, ports-unrestricted"}'
  expect(findings(policy('{podSelector: {}, ingress: [{}]}', metadata))).toEqual([])
})

describe('SARIF', () => {
  const text = policy('{podSelector: {}, ingress: [{}]}')
  const run = (of: string) =>
    toSarif(findings(of)).runs as readonly [{ results: readonly Record<string, unknown>[] }]

  test('has rules, levels and places', () => {
    const [{ results }] = run(text)
    expect(results).toMatchObject([
      {
        ruleId: 'rule-allows-everything',
        ruleIndex: LINT_IDS.indexOf('rule-allows-everything'),
        level: 'warning',
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: 'p.yaml' },
              region: { startLine: 4, startColumn: 35 },
            },
          },
        ],
      },
    ])
  })

  test('fingerprints survive lines that move, and tell findings apart', () => {
    const print = (of: string) => run(of)[0].results.map(each => each.partialFingerprints)
    expect(print(`# a comment\n\n${text}`)).toEqual(print(text))
    expect(print(text)).not.toEqual(print(text.replace('name: p', 'name: q')))
  })
})

test('a policy about hosts stops nothing, and is told', () => {
  const about = (subject: string) =>
    `apiVersion: sekisho.dev/v1alpha1\nkind: ClusterSecurityPolicy\nmetadata: {name: p}\nspec:\n  subject: ${subject}\n  ingress: []\n`
  const found = (subject: string) => findings(about(subject)).filter(({ id }) => id === 'host-not-enforced')
  expect(found('{hostSelector: {}}')).toMatchObject([{ severity: 'warning', place: { line: 5 } }])
  expect(found('{podSelector: {}}')).toEqual([])
})
