import { describe, expect, test } from 'vitest'
import { type FlowFacts, validatePolicy } from '../src/index.ts'
import { WORKLOADS, web } from './asking.ts'
import { modelOf } from './builders.ts'

const OUTSIDE = '203.0.113.1'
const tls = (sni?: string): FlowFacts => ({
  application: 'tls',
  request: { kind: 'tls', ...(sni !== undefined && { sni }) },
})
const http = (host: string): FlowFacts => ({
  application: 'http',
  request: { kind: 'http', method: 'GET', path: '/', host, headers: {} },
})

/** The verdict, what it depends on, and why it is a denial. */
function decide(rules: readonly object[], facts: FlowFacts, destination = OUTSIDE): string {
  const { verdict, why, inspect } = modelOf(WORKLOADS, [web('names', { egress: rules })]).decide({
    source: { ip: '10.0.0.1' },
    destination: { ip: destination },
    protocol: 'TCP',
    port: 443,
    facts,
  })
  return `${verdict}${verdict === 'deny' ? ` ${why}` : ''}${inspect ? ` until ${inspect.needs.join()}` : ''}`
}

describe('a destination by name', () => {
  const ALLOW = [{ to: [{ fqdn: '*.example.com' }, { fqdn: 'example.org' }] }]

  test.each<[string, FlowFacts, string]>([
    ['nothing is known', {}, 'deny isolated until name'],
    ['no name led there', { names: [] }, 'deny isolated'],
    [
      'another name led there, whatever is said',
      { names: ['a.test'], ...tls('a.example.com') },
      'deny isolated',
    ],
    ['it may still be said', { names: ['a.example.com'] }, 'deny isolated until grpc,http,tls'],
    [
      'TLS before its hello',
      { names: ['a.example.com'], application: 'tls' },
      'deny isolated until grpc,http,tls',
    ],
    ['the name itself', { names: ['a.example.com'], ...tls('a.example.com') }, 'allow'],
    ['the host of a request', { names: ['a.example.com'], ...http('a.example.com') }, 'allow'],
    ['another name of the rule', { names: ['a.example.com'], ...tls('example.org') }, 'allow'],
    [
      'a stranger behind the same address',
      { names: ['a.example.com', 'b.test'], ...tls('b.test') },
      'deny name-mismatch',
    ],
    ['the same by a request', { names: ['a.example.com'], ...http('b.test') }, 'deny name-mismatch'],
    ['the address instead of a name', { names: ['a.example.com'], ...http(OUTSIDE) }, 'deny name-mismatch'],
    ['TLS without a name', { names: ['a.example.com'], ...tls() }, 'deny name-mismatch'],
    ['what has no place for a name', { names: ['a.example.com'], application: 'ssh' }, 'allow'],
    ['what nobody knows', { names: ['a.example.com'], application: 'unknown' }, 'allow'],
  ])('allowed: %s', (_, facts, expected) => {
    expect(decide(ALLOW, facts)).toBe(expected)
  })

  test('allowed: a name that leads inside is none', () => {
    expect(decide(ALLOW, { names: ['a.example.com'], ...tls('a.example.com') }, '10.0.0.2')).toBe(
      'deny isolated',
    )
  })

  const DENY = [{ action: 'Deny', to: [{ fqdn: '*.example.com' }] }, {}]
  test.each<[string, FlowFacts, string]>([
    ['nothing is known', {}, 'allow until name'],
    ['no name led there', { names: ['a.test'], ...tls('a.test') }, 'allow'],
    ['it may still be said', { names: ['a.example.com'] }, 'allow until grpc,http,tls'],
    ['the name itself', { names: ['a.example.com'], ...tls('a.example.com') }, 'deny rule-deny'],
    ['another that led there', { names: ['a.example.com', 'a.test'], ...tls('a.test') }, 'allow'],
    ['a made-up one', { names: ['a.example.com'], ...tls('a.test') }, 'deny rule-deny'],
    ['TLS without a name', { names: ['a.example.com', 'a.test'], ...tls() }, 'deny rule-deny'],
    [
      'what has no place for a name',
      { names: ['a.example.com', 'a.test'], application: 'ssh' },
      'deny rule-deny',
    ],
  ])('denied: %s', (_, facts, expected) => {
    expect(decide(DENY, facts)).toBe(expected)
  })
})

describe('names as they are written', () => {
  const written = (fqdn: string) =>
    validatePolicy({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'SecurityPolicy',
      metadata: { namespace: 'shop', name: 'names' },
      spec: { subject: {}, egress: [{ to: [{ fqdn }] }] },
    })

  test.each([
    ['upper case and a last dot', 'API.Example.com.', 'api.example.com'],
    ['A-labels', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['an ending', '*.Example.com', '*.example.com'],
  ])('%s are compared as DNS does', (_, fqdn, pattern) => {
    const read = written(fqdn)
    expect(read.ok && read.value.sections.egress?.rules[0]?.peers).toEqual([{ kind: 'fqdn', pattern }])
  })

  test.each([['bücher.example'], ['*.com'], ['a.*.example'], ['*'], ['203.0.113.1/32']])(
    '%s is refused',
    fqdn => {
      expect(written(fqdn)).toMatchObject({ ok: false })
    },
  )
})
