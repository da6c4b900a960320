import { describe, expect, test } from 'vitest'
import { exportNetworkPolicies, importPolicies } from '../src/index.ts'
import { networkPolicy, securityPolicy } from './builders.ts'

const refusals = (text: string): string[] =>
  importPolicies(text).refused.map(({ at, construct }) => `${construct} at ${at.path}`)

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
