import { describe, expect, test } from 'vitest'
import { type LintId, lint, readManifests } from '../src/index.ts'

const CLUSTER = ['shop', 'jobs', 'kube-system']
  .map(
    name =>
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}, labels: {team: ${name}}}\n---\n` +
      `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: ${name}, labels: {app: ${name}}}\nspec: {containers: []}\n`,
  )
  .join('---\n')

/** Each text begins a new line, so that findings have lines of their own. */
const tier = (name: string, spec: string): string =>
  `apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: ${name}}\nspec:\n${spec}\n`
const SHOP = '  tier: Admin\n  priority: 5\n  subject: {namespaces: {matchLabels: {team: shop}}}'
const ALL = '  tier: Admin\n  priority: 1\n  subject: {namespaces: {}}'

function found(...texts: readonly string[]): (readonly [LintId, string, number])[] {
  const manifests = readManifests([
    { file: 'cluster.yaml', text: CLUSTER },
    ...texts.map((text, i) => ({ file: `${i}.yaml`, text })),
  ])
  expect(manifests.problems).toEqual([])
  return lint(manifests)
    .filter(({ place }) => place.file !== 'cluster.yaml')
    .map(({ id, place }) => [id, place.file, place.line])
}
const ids = (...texts: readonly string[]): readonly LintId[] => found(...texts).map(([id]) => id)

describe('rule-shadowed', () => {
  const from = (team: string) => `from: [{namespaces: {matchLabels: {team: ${team}}}}]`
  test.each<[string, string, readonly string[]]>([
    [
      'wider peers first',
      '{action: Deny, from: [{namespaces: {}}]}',
      ['{action: Accept, from: [{namespaces: {matchLabels: {team: jobs}}}]}'],
    ],
    [
      'a pod of the namespace',
      `{action: Deny, ${from('jobs')}}`,
      [
        '{action: Pass, from: [{pods: {namespaceSelector: {matchLabels: {team: jobs}}, podSelector: {matchLabels: {app: a}}}}]}',
      ],
    ],
    [
      'wider ports',
      `{action: Deny, ${from('jobs')}, protocols: [{tcp: {destinationPort: {range: {start: 1, end: 99}}}}]}`,
      [`{action: Accept, ${from('jobs')}, protocols: [{tcp: {destinationPort: {number: 80}}}]}`],
    ],
  ])('%s', (_name, first, then) => {
    const text = tier(
      'a',
      `${SHOP}\n  ingress:\n    - ${first}\n${then.map(rule => `    - ${rule}`).join('\n')}`,
    )
    expect(found(text)).toContainEqual(['rule-shadowed', '0.yaml', 10])
  })

  test.each([
    [
      'narrower ports',
      `{action: Deny, ${from('jobs')}, protocols: [{tcp: {destinationPort: {number: 80}}}]}`,
      `{action: Accept, ${from('jobs')}}`,
    ],
    ['other peers', `{action: Deny, ${from('jobs')}}`, `{action: Accept, ${from('shop')}}`],
    ['narrower peers', `{action: Deny, ${from('jobs')}}`, '{action: Accept, from: [{namespaces: {}}]}'],
  ])('not by %s', (_name, first, then) => {
    expect(ids(tier('a', `${SHOP}\n  ingress:\n    - ${first}\n    - ${then}`))).not.toContain(
      'rule-shadowed',
    )
  })

  const wide = (more: string) =>
    tier('wide', `${more}\n  ingress: [{action: Deny, from: [{namespaces: {}}]}]`)
  const narrow = tier('narrow', `${SHOP}\n  ingress:\n    - {action: Accept, ${from('jobs')}}`)
  test('by a policy that is asked before it about the same pods and more', () => {
    expect(found(narrow, wide(ALL))).toContainEqual(['rule-shadowed', '0.yaml', 9])
  })
  test.each([
    ['behind it', ALL.replace('1', '9')],
    ['of another tier', ALL.replace('Admin', 'Baseline')],
    ['about other pods', ALL.replace('{}', '{matchLabels: {team: jobs}}')],
  ])('not by a policy %s', (_name, more) => {
    expect(ids(narrow, wide(more))).not.toContain('rule-shadowed')
  })

  test('a Deny behind the Allow that covers it, in a policy of Sekisho', () => {
    const text =
      'apiVersion: sekisho.dev/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: a, namespace: shop}\nspec:\n  ingress:\n    - from: [{podSelector: {}}]\n    - action: Deny\n      from: [{podSelector: {matchLabels: {app: old}}}]\n'
    expect(found(text)).toContainEqual(['rule-shadowed', '0.yaml', 7])
    expect(ids(text.replace('podSelector: {}', 'podSelector: {matchLabels: {app: new}}'))).not.toContain(
      'rule-shadowed',
    )
  })
})

describe('priority-shared', () => {
  const rules = '\n  ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: jobs}}}]}]'
  test('by policies about the same pods', () => {
    expect(found(tier('a', ALL + rules), tier('b', ALL + rules))).toContainEqual([
      'priority-shared',
      '1.yaml',
      6,
    ])
  })
  test.each([
    ['other pods', SHOP + rules, `${SHOP.replace('shop', 'jobs')}${rules}`],
    ['another tier', ALL + rules, ALL.replace('Admin', 'Baseline') + rules],
    [
      'another direction',
      ALL + rules,
      `${ALL}\n  egress: [{action: Deny, to: [{networks: [203.0.113.0/24]}]}]`,
    ],
  ])('not with %s', (_name, a, b) => {
    expect(ids(tier('a', a), tier('b', b))).not.toContain('priority-shared')
  })
})

describe('deny-matches-nothing', () => {
  const deny = (team: string) =>
    tier(
      'a',
      `${SHOP}\n  ingress:\n    - {action: Deny, from: [{namespaces: {matchLabels: {team: ${team}}}}]}`,
    )
  test('where no workload has the labels', () => {
    expect(found(deny('job'))).toContainEqual(['deny-matches-nothing', '0.yaml', 9])
    expect(ids(deny('jobs'))).not.toContain('deny-matches-nothing')
  })
  test('also in policies of Sekisho', () => {
    const own =
      'apiVersion: sekisho.dev/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: a, namespace: shop}\nspec:\n  ingress:\n    - {action: Deny, from: [{podSelector: {matchLabels: {app: gone}}}]}\n'
    expect(found(own)).toContainEqual(['deny-matches-nothing', '0.yaml', 6])
  })
})

describe('tier-denies-dns', () => {
  const egress = (...rules: readonly string[]) =>
    tier('a', `${ALL}\n  egress:\n${rules.map(rule => `    - ${rule}`).join('\n')}`)
  const ACCEPT =
    '{action: Accept, to: [{pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}}], protocols: [{udp: {destinationPort: {number: 53}}}]}'
  test.each([
    ['all pods', '{action: Deny, to: [{namespaces: {}}]}'],
    ['all addresses', '{action: Deny, to: [{networks: [0.0.0.0/0]}]}'],
    [
      'its port',
      '{action: Deny, to: [{namespaces: {}}], protocols: [{udp: {destinationPort: {range: {start: 1, end: 99}}}}]}',
    ],
  ])('with %s', (_name, rule) => {
    expect(found(egress(rule))).toContainEqual(['tier-denies-dns', '0.yaml', 9])
    expect(ids(egress(ACCEPT, rule))).not.toContain('tier-denies-dns')
  })
  test.each([
    ['other pods', '{action: Deny, to: [{namespaces: {matchLabels: {team: jobs}}}]}'],
    [
      'other ports',
      '{action: Deny, to: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 80}}}]}',
    ],
  ])('not with %s', (_name, rule) => {
    expect(ids(egress(rule))).not.toContain('tier-denies-dns')
  })
})

describe('checks that know tiers', () => {
  const onNamespaces = (...texts: readonly string[]) =>
    lint(readManifests([CLUSTER, ...texts].map((text, i) => ({ file: `${i}.yaml`, text })))).filter(
      ({ id }) => id.startsWith('no-default-deny'),
    )

  test('a tier that denies all addresses is the default deny of egress', () => {
    const text = tier(
      'a',
      `${ALL.replace('Admin', 'Baseline')}\n  egress: [{action: Deny, to: [{networks: [0.0.0.0/0, "::/0"]}]}]`,
    )
    expect(onNamespaces(text).map(({ id }) => id)).not.toContain('no-default-deny-egress')
    const half = text.replace(', "::/0"', '')
    expect(onNamespaces(half).map(({ id }) => id)).toContain('no-default-deny-egress')
  })

  test('a tier that denies all pods leaves what is outside', () => {
    const text = tier(
      'a',
      `${ALL.replace('Admin', 'Baseline')}\n  ingress: [{action: Deny, from: [{namespaces: {}}]}]`,
    )
    const ingress = onNamespaces(text).filter(({ id }) => id === 'no-default-deny-ingress')
    expect(ingress.map(({ message }) => message.includes('what is outside may still connect'))).toEqual([
      true,
      true,
      true,
    ])
  })

  test('a block among others is found where it stands', () => {
    const text = tier(
      'a',
      `${ALL}\n  egress:\n    - action: Accept\n      to:\n        - networks: [203.0.113.0/24]\n        - networks:\n            - 198.51.100.0/24\n            - 0.0.0.0/0\n        - namespaces: {}\n`,
    )
    expect(found(text)).toContainEqual(['egress-to-anywhere', '0.yaml', 9])
    const pods = { family: 4, prefix: 24, first: 0xc6336400n, last: 0xc63364ffn } as const
    const manifests = readManifests([{ file: 'a.yaml', text }])
    const [finding] = lint(manifests, { podCidrs: [pods] }).filter(({ id }) => id === 'cidr-for-pods')
    expect(finding?.place.line).toBe(13)
  })

  test('an exception stands where it is made', () => {
    const text = tier(
      'a, annotations: {sekisho.dev/lint-ignore: tier-denies-dns}',
      `${ALL}\n  egress: [{action: Deny, to: [{namespaces: {}}]}]`,
    )
    expect(ids(text)).not.toContain('tier-denies-dns')
  })
})
