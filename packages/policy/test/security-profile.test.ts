import { DEFAULT_DNS_PROFILE } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policyToYaml, validatePolicy, withMode } from '../src/index.ts'

const document = (dns: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityProfile',
  metadata: { name: 'strict' },
  spec: { dns },
  ...more,
})

function read(dns: unknown) {
  const result = validatePolicy(document(dns))
  if (!result.ok || result.value.kind !== 'SecurityProfile') throw new TypeError(JSON.stringify(result))
  return result.value
}
function mistakes(json: unknown): readonly string[] {
  const result = validatePolicy(json)
  return result.ok ? [] : result.error.map(({ path, reason }) => `${path}: ${reason}`)
}

describe('a security profile', () => {
  test('without anything said is as usual: everything is told, nothing is stopped', () => {
    expect(read({}).dns).toEqual(DEFAULT_DNS_PROFILE)
    expect(read({ resolvers: null, generated: {} }).dns).toEqual(DEFAULT_DNS_PROFILE)
  })

  test('is read with all that it can say', () => {
    const { id, name, dns } = read({
      resolvers: { action: 'deny', addresses: ['10.96.0.10', 'fd00::/64'] },
      answers: { unasked: 'deny', changed: 'deny', foreign: 'audit' },
      rebinding: { action: 'deny', names: ['*.Corp.Example.'], addresses: ['10.0.0.0/8'] },
      tunnels: { action: 'deny', windowSeconds: 30, bytes: 1000 },
      generated: { action: 'sinkhole', score: 0.99, burst: { action: 'deny', names: 20 } },
      lookAlikes: { action: 'deny', names: ['example.com'] },
      newNames: { learnSeconds: 3600 },
      lists: [{ name: 'malware', action: 'sinkhole' }, { name: 'adverts' }],
      allow: ['*.example.com'],
      zones: ['corp.example'],
      sinkhole: { addresses: ['192.0.2.1', '::'], ttlSeconds: 10 },
    })
    expect([id, name]).toEqual(['SecurityProfile//strict', 'strict'])
    expect(dns).toEqual({
      resolvers: { action: 'deny', blocks: ['10.96.0.10/32', 'fd00::/64'] },
      answers: { unasked: 'deny', changed: 'deny', foreign: 'audit' },
      rebinding: { action: 'deny', names: ['*.corp.example'], blocks: ['10.0.0.0/8'] },
      tunnels: { action: 'deny', windowSeconds: 30, bytes: 1000 },
      generated: { action: 'sinkhole', score: 0.99, burst: { action: 'deny', names: 20 } },
      lookAlikes: { action: 'deny', names: ['example.com'] },
      newNames: { action: 'audit', learnSeconds: 3600 },
      lists: [
        { list: 'malware', action: 'sinkhole' },
        { list: 'adverts', action: 'audit' },
      ],
      allow: ['*.example.com'],
      zones: [...DEFAULT_DNS_PROFILE.zones, 'corp.example'],
      sinkhole: { kind: 'addresses', addresses: ['192.0.2.1', '::'], ttlSeconds: 10 },
    })
  })

  test('has no mode, and is written as it was', () => {
    const profile = read({ allow: ['a.example'] })
    expect(withMode(profile, 'Audit')).toBe(profile)
    expect(policyToYaml(profile)).toContain('a.example')
  })

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'spec: does nothing; write dns'],
    ['an unknown field', { resolver: {} }, 'spec.dns.resolver: unknown field; did you mean "resolvers"?'],
    [
      'an unknown action',
      { tunnels: { action: 'block' } },
      'spec.dns.tunnels.action: must be one of allow, audit, sinkhole, deny',
    ],
    [
      'a sinkhole for an answer',
      { answers: { unasked: 'sinkhole' } },
      'spec.dns.answers.unasked: must be one of allow, audit, deny',
    ],
    [
      'a name as an address',
      { resolvers: { addresses: ['dns.example'] } },
      'spec.dns.resolvers.addresses[0]: must be an address or a block as in "10.0.0.0/8"',
    ],
    [
      'bits behind the prefix',
      { resolvers: { addresses: ['10.0.0.1/8'] } },
      'spec.dns.resolvers.addresses[0]: bits are set after the prefix; did you mean "10.0.0.0/8"?',
    ],
    [
      'a pattern inside a name',
      { allow: ['a.*.example'] },
      'spec.dns.allow[0]: "*" may only stand at the start, as in "*.example.com"',
    ],
    ['a pattern as a zone', { zones: ['*.example.com'] }, 'spec.dns.zones[0]: must be a name without "*"'],
    [
      'a score as a percentage',
      { generated: { score: 99 } },
      'spec.dns.generated.score: must be a number between 0 and 1',
    ],
    [
      'an endless window',
      { tunnels: { windowSeconds: 1e9 } },
      'spec.dns.tunnels.windowSeconds: must be a whole number from 1 to 3600',
    ],
    ['a list twice', { lists: [{ name: 'a' }, { name: 'a' }] }, 'spec.dns.lists: names a list twice'],
    ['a list without a name', { lists: [{}] }, 'spec.dns.lists[0].name: is required'],
    [
      'five sinkholes',
      { sinkhole: { addresses: ['::', '::', '::', '::', '::'] } },
      'spec.dns.sinkhole.addresses: at most 4 fit into an answer',
    ],
    ['a list where an object is', { generated: [] }, 'spec.dns.generated: must be an object, not a list'],
  ])('%s is refused with its path', (_, dns, expected) => {
    expect(mistakes(document(dns))).toEqual([expected])
  })

  test('is of the whole cluster, and its name is what policies can name', () => {
    const wrong = mistakes(document({}, { metadata: { name: 'a.b', namespace: 'shop' } }))
    expect(wrong).toEqual([
      'metadata.namespace: this kind has no namespace',
      expect.stringMatching(/^metadata\.name: must be lower-case letters/),
    ])
  })

  test('any JSON is read or refused with a reason', () => {
    fc.assert(
      fc.property(fc.jsonValue(), json => {
        const result = validatePolicy(document(json))
        expect(result.ok || result.error.length > 0).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
