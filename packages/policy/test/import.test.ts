import { describe, expect, test } from 'vitest'
import { exportNetworkPolicies, importPolicies, type PolicyDocument } from '../src/index.ts'
import { networkPolicy, securityPolicy } from './builders.ts'

const calico = (kind: string, name: string, spec: string): string =>
  `apiVersion: projectcalico.org/v3\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}\n`
const specs = (documents: readonly PolicyDocument[]): unknown[] => documents.map(({ source }) => source.spec)
const refusals = (text: string): string[] =>
  importPolicies(text).refused.map(({ at, construct }) => `${construct} at ${at.path}`)

describe('Calico', () => {
  test('policies that only allow stand for themselves', () => {
    const text = calico(
      'NetworkPolicy',
      'web',
      '{selector: "app == \'web\'", ingress: [{action: Allow, protocol: TCP, source: {selector: "has(a) && b in {\'1\', \'2\'}"}, destination: {ports: [80, "8000:8010"]}}]}',
    )
    const { documents, refused } = importPolicies(text)
    expect(refused).toEqual([])
    expect(specs(documents)).toEqual([
      {
        mode: 'Enforce',
        subject: { podSelector: { matchLabels: { app: 'web' } } },
        ingress: [
          {
            from: [
              {
                podSelector: {
                  matchExpressions: [
                    { key: 'a', operator: 'Exists' },
                    { key: 'b', operator: 'In', values: ['1', '2'] },
                  ],
                },
              },
            ],
            ports: [
              { protocol: 'TCP', port: 80 },
              { protocol: 'TCP', port: 8000, endPort: 8010 },
            ],
          },
        ],
      },
    ])
  })

  test('where order matters each piece of the cluster gets one list, in order', () => {
    const text = [
      calico(
        'NetworkPolicy',
        'first',
        '{order: 10, selector: "app == \'web\'", ingress: [{action: Allow, source: {nets: [10.0.0.1]}}]}',
      ),
      calico(
        'NetworkPolicy',
        'second',
        '{order: 20, selector: all(), ingress: [{action: Deny, source: {nets: [10.0.0.0/8]}}, {action: Allow}]}',
      ),
    ].join('---\n')
    const { documents, refused } = importPolicies(text)
    expect(refused).toEqual([])
    const one = { from: [{ ipBlock: { cidr: '10.0.0.1/32' } }] }
    const rest = [{ action: 'Deny', from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }, {}]
    expect(specs(documents)).toEqual([
      { mode: 'Enforce', subject: { podSelector: { matchLabels: { app: 'web' } } }, ingress: [one, ...rest] },
      {
        mode: 'Enforce',
        subject: { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] } },
        ingress: rest,
      },
    ])
  })

  test.each([
    ['{serviceAccountSelector: has(a)}', 'serviceAccountSelector at spec.serviceAccountSelector'],
    ['{tier: other}', 'tier at spec.tier'],
    ['{selector: "a contains \'b\'"}', 'selector at spec.selector'],
    ['{selector: "((("}', 'selector at spec.selector'],
    ['{ingress: [{action: Allow, notProtocol: TCP}]}', 'notProtocol at spec.ingress[0].notProtocol'],
    ['{ingress: [{action: Allow, http: {methods: [GET]}}]}', 'http at spec.ingress[0].http'],
    [
      '{ingress: [{action: Allow, source: {ports: [1]}, protocol: TCP}]}',
      'ports at spec.ingress[0].source.ports',
    ],
    ['{unheard: of}', 'unheard at spec.unheard'],
  ])('%s is refused by name', (spec, expected) => {
    expect(refusals(calico('NetworkPolicy', 'web', spec))).toContain(expected)
  })

  test('a staged policy is in Audit', () => {
    const text = calico('StagedNetworkPolicy', 'web', '{stagedAction: Set, ingress: [{action: Allow}]}')
    expect(importPolicies(text).documents.map(({ mode }) => mode)).toEqual(['Audit'])
  })
})

test('what is no policy is named, not left out', () => {
  expect(refusals('apiVersion: v1\nkind: Pod\n')).toEqual(['Pod at kind'])
})

describe('export', () => {
  test('a policy that fits is the same in the importer', () => {
    const rules = [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }]
    const { yaml, lost } = exportNetworkPolicies([securityPolicy('shop/web', { ingress: rules })])
    expect(lost).toEqual([])
    expect(importPolicies(yaml).documents[0]?.sections).toEqual(
      networkPolicy('shop/web', { ingress: rules }).sections,
    )
  })

  test.each([
    ['a Deny rule', { ingress: [{ action: 'Deny' }] }, 'Enforce', 'ingress[0]'],
    ['a name', { egress: [{ to: [{ fqdn: 'www.example.com' }] }] }, 'Enforce', 'egress[0]'],
    ['ICMP', { egress: [{ ports: [{ protocol: 'ICMP' }] }] }, 'Enforce', 'egress[0]'],
    ['a policy in Audit', { egress: [] }, 'Audit', 'mode'],
  ] as const)('%s is listed and the policy left out', (_name, spec, mode, path) => {
    const { yaml, lost } = exportNetworkPolicies([securityPolicy('shop/web', spec, mode)])
    expect(yaml).toBe('')
    expect(lost.map(each => each.path)).toEqual([path])
  })
})
