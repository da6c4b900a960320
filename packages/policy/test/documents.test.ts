import { LIMITS, type Problem } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePolicies, policyToYaml, validatePolicy } from '../src/index.ts'
import { parsed } from './builders.ts'
import { generateCluster, RICH } from './cluster.ts'

function problems(text: string): readonly Problem[] {
  const read = parsePolicies(text)
  return read.ok ? [] : read.error
}

const head = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n'
const own = 'apiVersion: sekisho.dev/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: p, namespace: shop}\n'
const spec = (text: string) => `${head}spec: ${text}\n`
const ports = (text: string) => spec(`{podSelector: {}, ingress: [{ports: [${text}]}]}`)
const blockText = (text: string) => spec(`{podSelector: {}, ingress: [{from: [{ipBlock: ${text}}]}]}`)
const selector = (text: string) => spec(`{podSelector: ${text}}`)
const ownSpec = (text: string) => `${own}spec: ${text}\n`

const PORT = 'spec.ingress[0].ports[0]'
const CIDR = 'spec.ingress[0].from[0].ipBlock'

describe('what is refused, where and why', () => {
  test.each<[name: string, text: string, path: string, reason: RegExp]>([
    [
      'an unknown field',
      spec('{podSelector: {}, ingres: []}'),
      'spec.ingres',
      /unknown field; did you mean "ingress"/,
    ],
    [
      'a deep unknown field',
      spec('{podSelector: {matchLabel: {}}}'),
      'spec.podSelector.matchLabel',
      /did you mean "matchLabels"/,
    ],
    ['a wrong kind', 'apiVersion: v1\nkind: NetworkPolice\n', 'kind', /did you mean "NetworkPolicy"/],
    ['a wrong apiVersion', head.replace('/v1', '/v2'), 'apiVersion', /must be networking.k8s.io\/v1/],
    ['no spec', head, 'spec', /is required/],
    [
      'a bad mode',
      `${head.replace('namespace: shop', 'namespace: shop, annotations: {sekisho.dev/mode: enforce}')}spec: {}`,
      'metadata.annotations["sekisho.dev/mode"]',
      /must be one of Learn, Audit, Enforce; did you mean "Enforce"/,
    ],
    ['a bad mode of our own', ownSpec('{mode: On, ingress: []}'), 'spec.mode', /must be one of/],
    ['a bad name', head.replace('name: p', 'name: P_1'), 'metadata.name', /lower-case/],
    ['a bad namespace', head.replace('shop', 'a.b'), 'metadata.namespace', /lower-case/],
    [
      'a bad label key',
      selector('{matchLabels: {-a: b}}'),
      'spec.podSelector.matchLabels["-a"]',
      /the key must be/,
    ],
    [
      'a bad label prefix',
      selector('{matchLabels: {A/b: c}}'),
      'spec.podSelector.matchLabels["A/b"]',
      /lower-case/,
    ],
    [
      'a bad label value',
      selector('{matchLabels: {a: "b c"}}'),
      'spec.podSelector.matchLabels.a',
      /must be letters/,
    ],
    [
      'a label that YAML made a number',
      selector('{matchLabels: {a: 1}}'),
      'spec.podSelector.matchLabels.a',
      /put it in quotes/,
    ],
    [
      'an operator',
      selector('{matchExpressions: [{key: a, operator: in, values: [b]}]}'),
      'spec.podSelector.matchExpressions[0].operator',
      /did you mean "In"/,
    ],
    [
      'In without values',
      selector('{matchExpressions: [{key: a, operator: In}]}'),
      'spec.podSelector.matchExpressions[0].values',
      /at least one value/,
    ],
    [
      'Exists with values',
      selector('{matchExpressions: [{key: a, operator: Exists, values: [b]}]}'),
      'spec.podSelector.matchExpressions[0].values',
      /takes no values/,
    ],
    [
      'an empty peer',
      spec('{ingress: [{from: [{}]}]}'),
      'spec.ingress[0].from[0]',
      /an empty peer means nothing/,
    ],
    [
      'a peer of nulls',
      spec('{ingress: [{from: [{podSelector: null}]}]}'),
      'spec.ingress[0].from[0]',
      /an empty peer/,
    ],
    [
      'a block beside a selector',
      spec('{ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}'),
      'spec.ingress[0].from[0].ipBlock',
      /must not stand beside/,
    ],
    ['to in ingress', spec('{ingress: [{to: []}]}'), 'spec.ingress[0].to', /unknown field/],
    ['host bits', blockText('{cidr: 10.0.0.5/24}'), `${CIDR}.cidr`, /did you mean "10.0.0.0\/24"/],
    ['no prefix', blockText('{cidr: 10.0.0.5}'), `${CIDR}.cidr`, /prefix length is missing/],
    ['no address', blockText('{cidr: 10.0.0/8}'), `${CIDR}.cidr`, /not an IP address/],
    ['octal', blockText('{cidr: 010.0.0.0/8}'), `${CIDR}.cidr`, /not an IP address/],
    [
      'except outside',
      blockText('{cidr: 10.0.0.0/8, except: [11.0.0.0/16]}'),
      `${CIDR}.except[0]`,
      /inside the cidr/,
    ],
    [
      'except of everything',
      blockText('{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}'),
      `${CIDR}.except[0]`,
      /inside the cidr/,
    ],
    ['a port of text digits', ports('{port: "80"}'), `${PORT}.port`, /is a port name.*without quotes/],
    ['port 0', ports('{port: 0}'), `${PORT}.port`, /1 to 65535/],
    ['a fraction', ports('{port: 80.5}'), `${PORT}.port`, /whole number/],
    ['a long port name', ports('{port: aaaaaaaaaaaaaaaa}'), `${PORT}.port`, /at most 15/],
    [
      'ICMP in a NetworkPolicy',
      ports('{protocol: ICMP}'),
      `${PORT}.protocol`,
      /must be one of TCP, UDP, SCTP/,
    ],
    ['endPort below', ports('{port: 80, endPort: 79}'), `${PORT}.endPort`, /must not be below/],
    ['endPort with a name', ports('{port: http, endPort: 90}'), `${PORT}.endPort`, /needs a numeric port/],
    ['endPort alone', ports('{endPort: 90}'), `${PORT}.endPort`, /needs a numeric port/],
    ['equal ports', ports('{port: 80}, {port: 80}'), 'spec.ingress[0].ports[1]', /TCP 80 overlaps TCP 80/],
    [
      'overlapping ports',
      ports('{port: 1, endPort: 99}, {port: 5}, {port: 90}'),
      'spec.ingress[0].ports[1]',
      /TCP 5 overlaps TCP 1-99/,
    ],
    ['a port beside every port', ports('{port: 80}, {}'), PORT, /TCP 80 overlaps every TCP port/],
    [
      'an action in a NetworkPolicy',
      spec('{ingress: [{action: Deny}]}'),
      'spec.ingress[0].action',
      /unknown field/,
    ],
    ['a bad policy type', spec('{policyTypes: [ingress]}'), 'spec.policyTypes[0]', /did you mean "Ingress"/],
    [
      'a bad action',
      ownSpec('{ingress: [{action: Drop}]}'),
      'spec.ingress[0].action',
      /must be one of Allow, Deny/,
    ],
    [
      'a range of ICMP types',
      ownSpec('{ingress: [{ports: [{protocol: ICMP, port: 3, endPort: 5}]}]}'),
      `${PORT}.endPort`,
      /no ranges/,
    ],
    [
      'an ICMP type by name',
      ownSpec('{ingress: [{ports: [{protocol: ICMP, port: echo}]}]}'),
      `${PORT}.port`,
      /no named ports/,
    ],
    [
      'a port name of an address block',
      spec('{egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: http}]}]}'),
      'spec.egress[0].ports',
      /a named port never matches an address block; write the number/,
    ],
    ['a policy about nothing', ownSpec('{subject: {}}'), 'spec', /does nothing/],
    ['a null section of our own', ownSpec('{ingress: }'), 'spec.ingress', /write \[\] to isolate/],
    [
      'a namespaceSelector in a namespace',
      ownSpec('{subject: {namespaceSelector: {}}, ingress: []}'),
      'spec.subject.namespaceSelector',
      /unknown field/,
    ],
    [
      'a namespace of a cluster policy',
      ownSpec('{ingress: []}').replace('SecurityPolicy', 'ClusterSecurityPolicy'),
      'metadata.namespace',
      /no namespace/,
    ],
    ['the same policy twice', `${spec('{}')}---\n${spec('{}')}`, 'metadata.name', /already in document 0/],
    [
      'an item of a List',
      `apiVersion: v1\nkind: List\nitems:\n- {kind: X}\n`,
      'items[0].kind',
      /must be one of/,
    ],
    ['no object', '- a\n', '', /must be an object, not a list/],
    ['nothing', '# only a comment\n', '', /holds no document/],
    ['a duplicate key', spec('{podSelector: {}, podSelector: {}}'), '', /unique/i],
    ['no YAML', 'a: [', '', /./],
    ['a tag', spec('!!js/function {}'), '', /tag/i],
    ['a list as a key', `${head}spec: {? [a] : b}\n`, '', /plain word/],
  ])('%s', (_name, text, path, reason) => {
    const [first] = problems(text)
    expect(first?.path).toBe(path)
    expect(first?.reason).toMatch(reason)
    expect(first?.line, 'every problem of a text has a position').toBeGreaterThan(0)
  })

  test('several at once, in the order of the text, with positions and file', () => {
    const text = `${spec('{podSelector: {}, ingress: [{ports: [{port: 0}, {port: 99999}]}], x: 1}')}---\nkind: Foo\n`
    const read = parsePolicies(text, { file: 'p.yaml' })
    expect(
      read.ok ? [] : read.error.map(({ document, path, line, file }) => [document, path, line, file]),
    ).toEqual([
      [0, 'spec.x', 4, 'p.yaml'],
      [0, 'spec.ingress[0].ports[0].port', 4, 'p.yaml'],
      [0, 'spec.ingress[0].ports[1].port', 4, 'p.yaml'],
      [1, 'kind', 6, 'p.yaml'],
    ])
  })

  test('one bad document refuses the file', () => {
    expect(parsePolicies(`${spec('{}')}---\n${spec('{x: 1}').replace('name: p', 'name: q')}`).ok).toBe(false)
  })

  test('JSON is checked the same way', () => {
    const read = validatePolicy(
      { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: {}, spec: { y: 1 } },
      { document: 3 },
    )
    expect(read).toMatchObject({
      ok: false,
      error: [{ document: 3, path: 'metadata.name' }, { path: 'spec.y' }],
    })
  })

  test('a key of Object is only a key', () => {
    expect(problems(selector('{matchLabels: {__proto__: x}}'))).toHaveLength(1)
    expect(problems(spec('{constructor: {}}'))[0]?.path).toBe('spec.constructor')
  })
})

describe('bounds', () => {
  const deep = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels)
  const rules = (count: number) => spec(`{ingress: [${'{},'.repeat(count)}]}`)
  test.each<[string, string, RegExp]>([
    ['a large text, before it is parsed', `#${'x'.repeat(10_000_000)}`, /larger than 1048576 bytes/],
    ['bytes, not characters', `#${'警'.repeat(400_000)}`, /larger than/],
    ['flow depth', deep('[', ']', 2_000), /nested too deeply/],
    ['block depth', '- '.repeat(2_000), /nested too deeply/],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((key, at) => `${key}: &${key} [${`*${'abcdefgh'[at]},`.repeat(9)}]`)
        .join('\n')}\n`,
      /alias/i,
    ],
    ['many aliases', `a: &a x\nb: [${'*a,'.repeat(LIMITS.yamlAliases.value + 1)}]\n`, /aliases/],
    [
      'a chart’s template, once',
      'a: {{ include "x" . }}\n  {{- with .b }}\nc: d\n  {{- end }}\n',
      /^is a template/,
    ],
    ['a map of many keys', 'a: b\n'.repeat(100_000), /too many keys/],
    ['a map of many keys within brackets', `a: {${'b: c, '.repeat(100_000)}}`, /too many keys/],
    ['many documents', '---\na: 1\n'.repeat(LIMITS.documentsPerFile.value + 1), /too many documents/],
    ['many rules', rules(LIMITS.rulesPerPolicy.value + 1), /at most 1000/],
  ])('%s', (_name, text, reason) => {
    expect(problems(text)[0]?.reason).toMatch(reason)
  })

  test('the report of mistakes is bounded', () => {
    const found = problems(spec(`{ingress: [${'{x: 1},'.repeat(500)}]}`))
    expect(found).toHaveLength(LIMITS.problemsPerFile.value + 1)
    expect(found.at(-1)?.reason).toBe('400 more problems follow')
  })

  test('an anchor that is used once is fine', () => {
    expect(
      parsed(spec('{podSelector: &s {matchLabels: {a: b}}, ingress: [{from: [{podSelector: *s}]}]}')),
    ).toHaveLength(1)
  })

  test('any text parses or says why', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[-\][{}:&*!|>a "'\n,?#%@]{0,60}$/)),
        text => {
          const read = parsePolicies(text)
          expect(read.ok || read.error.length > 0).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('what is accepted', () => {
  test('a List is unpacked, several documents are read, comments and empty documents are nothing', () => {
    const list = `apiVersion: v1\nkind: List\nmetadata: {}\nitems:\n- ${JSON.stringify({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'a' }, spec: {} })}\n`
    expect(parsed(`---\n# first\n---\n${list}---\n${spec('{}')}`).map(policy => policy.id)).toEqual([
      'NetworkPolicy/default/a',
      'NetworkPolicy/shop/p',
    ])
  })

  test('modes by default', () => {
    expect(parsed(spec('{}'))[0]?.mode).toBe('Enforce')
    expect(parsed(ownSpec('{ingress: []}'))[0]?.mode).toBe('Audit')
  })

  test('what kubectl prints', () => {
    const text = `${head.replace('namespace: shop', 'namespace: shop, uid: x, resourceVersion: "1", generation: 1, managedFields: [], creationTimestamp: null, labels: {a: b}')}spec: {}\nstatus: {}\n`
    expect(parsed(text)).toHaveLength(1)
  })

  test('a document is frozen to its leaves', () => {
    const [policy] = parsed(spec('{ingress: [{from: [{podSelector: {}}]}]}'))
    expect(() => Object.assign(policy?.sections.ingress?.rules[0] ?? {}, { action: 'Deny' })).toThrow(
      TypeError,
    )
    expect(Object.isFrozen(policy?.source.spec)).toBe(true)
  })

  test('YAML and back is the same policy', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), seed => {
        for (const policy of generateCluster(seed, RICH).policies) {
          expect(parsed(policyToYaml(policy))[0]).toEqual(policy)
        }
      }),
      { numRuns: 10 },
    )
  })
})
