import { LIMITS } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { type NotEnforcedWhat, notEnforcedHere, validatePolicy } from '../src/index.ts'
import { web } from './asking.ts'

type Json = Readonly<Record<string, unknown>>

describe('what is refused, and what is not enforced', () => {
  const rule = (more: Json) => ({ egress: [more] })
  test.each<[string, Json, string, RegExp]>([
    [
      'an unknown application',
      rule({ applications: ['htpp'] }),
      'spec.egress[0].applications[0]',
      /did you mean "http"/,
    ],
    ['no application', rule({ applications: [] }), 'spec.egress[0].applications', /must not be empty/],
    [
      'requests of an application whose requests nobody reads',
      rule({ applications: ['postgresql', 'oracle'], l7: [{ sql: {} }, { http: {} }] }),
      'spec.egress[0].applications',
      /read in oracle: sql in cassandra, mysql, postgresql, sqlserver; http in http$/,
    ],
    [
      'two protocols in one',
      rule({ l7: [{ http: {}, grpc: {} }] }),
      'spec.egress[0].l7[0]',
      /exactly one of/,
    ],
    [
      'two comparisons',
      rule({ l7: [{ http: { path: { exact: '/', prefix: '/' } } }] }),
      'spec.egress[0].l7[0].http.path',
      /exactly one of/,
    ],
    [
      'a pattern that is none',
      rule({ l7: [{ http: { path: { regex: '/(a' } } }] }),
      'spec.egress[0].l7[0].http.path.regex',
      /not closed/,
    ],
    [
      'a method in lower case',
      rule({ l7: [{ http: { methods: ['get'] } }] }),
      'spec.egress[0].l7[0].http.methods[0]',
      /upper case/,
    ],
    [
      'an unknown statement',
      rule({ l7: [{ sql: { statements: ['selct'] } }] }),
      'spec.egress[0].l7[0].sql.statements[0]',
      /did you mean "select"/,
    ],
    [
      'a time without a zone',
      rule({ validUntil: '2030-01-01T00:00:00' }),
      'spec.egress[0].validUntil',
      /must be a time/,
    ],
    [
      'a day that is none',
      rule({ validUntil: '2030-02-30T00:00:00Z' }),
      'spec.egress[0].validUntil',
      /must be a time/,
    ],
    [
      'a name of who connects',
      { ingress: [{ from: [{ fqdn: 'a.example.com' }] }] },
      'spec.ingress[0].from[0].fqdn',
      /for egress/,
    ],
    [
      'a top-level domain',
      rule({ to: [{ fqdn: '*.com' }] }),
      'spec.egress[0].to[0].fqdn',
      /at least two parts/,
    ],
    [
      'an entity beside labels',
      rule({ to: [{ entity: 'world', podSelector: {} }] }),
      'spec.egress[0].to[0].entity',
      /must not stand beside/,
    ],
    [
      'hosts as subject in a namespace',
      { subject: { hostSelector: {} }, egress: [] },
      'spec.subject.hostSelector',
      /unknown field/,
    ],
    ['a profile twice', { egress: [], profiles: ['waf', 'waf'] }, 'spec.profiles', /twice/],
    ['an empty ticket', rule({ ticket: '' }), 'spec.egress[0].ticket', /1 to 200 characters/],
    ['a long ticket', rule({ ticket: 'x'.repeat(201) }), 'spec.egress[0].ticket', /1 to 200 characters/],
    ['a long name', rule({ name: 'x'.repeat(101) }), 'spec.egress[0].name', /1 to 100 characters/],
    [
      'a kind that hosts are',
      rule({ to: [{ workloadKinds: ['host'] }] }),
      'spec.egress[0].to[0].workloadKinds[0]',
      /must be one of/,
    ],
    [
      'a header in upper case',
      rule({ l7: [{ http: { headers: [{ name: 'Host' }] } }] }),
      'spec.egress[0].l7[0].http.headers[0].name',
      /lower case/,
    ],
    [
      'an unknown DNS type',
      rule({ l7: [{ dns: { types: ['AAA'] } }] }),
      'spec.egress[0].l7[0].dns.types[0]',
      /must be one of/,
    ],
    ['another onFailure', { egress: [], onFailure: 'ignore' }, 'spec.onFailure', /open, closed/],
    ['another onDeny', { egress: [], onDeny: 'reject' }, 'spec.onDeny', /drop, reset, respond, explain/],
    [
      'an Allow rule that says how it denies',
      rule({ onDeny: 'reset' }),
      'spec.egress[0].onDeny',
      /for Deny rules/,
    ],
  ])('%s', (_name, spec, path, reason) => {
    const metadata = { namespace: 'shop', name: 'p' }
    const read = validatePolicy({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'SecurityPolicy',
      metadata,
      spec,
    })
    const found = read.ok ? undefined : read.error.find(problem => problem.path === path)
    expect(found?.reason, JSON.stringify(read)).toMatch(reason)
  })

  const many = <T>(most: keyof typeof LIMITS, item: T): T[] =>
    Array.from({ length: LIMITS[most].value + 1 }, () => item)
  const http = (more: Json) => rule({ l7: [{ http: more }] })
  test.each<[string, Json, string]>([
    ['rules', { egress: many('rulesPerPolicy', {}) }, 'spec.egress'],
    ['peers', rule({ to: many('peersPerRule', { podSelector: {} }) }), 'spec.egress[0].to'],
    ['ports', rule({ ports: many('portsPerRule', {}) }), 'spec.egress[0].ports'],
    ['requests', rule({ l7: many('requestsPerRule', { http: {} }) }), 'spec.egress[0].l7'],
    ['methods', http({ methods: many('wordsPerList', 'GET') }), 'spec.egress[0].l7[0].http.methods'],
    ['hosts', http({ hosts: many('wordsPerList', 'a.example') }), 'spec.egress[0].l7[0].http.hosts'],
    ['headers', http({ headers: many('wordsPerList', { name: 'a' }) }), 'spec.egress[0].l7[0].http.headers'],
    [
      'accounts',
      rule({ to: [{ serviceAccounts: many('wordsPerList', 'a') }] }),
      'spec.egress[0].to[0].serviceAccounts',
    ],
    ['profiles', { egress: [], profiles: many('profilesPerPolicy', 'a') }, 'spec.profiles'],
    [
      'letters of a path',
      http({ path: { exact: `/${'a'.repeat(LIMITS.wordLength.value)}` } }),
      'spec.egress[0].l7[0].http.path.exact',
    ],
  ])('too many %s', (_name, spec, path) => {
    const read = validatePolicy({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'SecurityPolicy',
      metadata: { namespace: 'shop', name: 'p' },
      spec,
    })
    const found = read.ok ? undefined : read.error.find(problem => problem.path === path)
    expect(found?.reason, JSON.stringify(read).slice(0, 500)).toMatch(/at most/)
  })

  test.each<[string, Json, readonly NotEnforcedWhat[]]>([
    ['ports', rule({ ports: [{ port: 80 }] }), []],
    ['the world', rule({ to: [{ entity: 'world' }] }), []],
    [
      'applications and requests',
      rule({ applications: ['http'], l7: [{ http: {} }] }),
      ['application', 'request'],
    ],
    ['names', rule({ to: [{ fqdn: 'a.example.com' }] }), ['name']],
    ['profiles', { egress: [], profiles: ['waf'] }, ['profiles']],
  ])('%s', (_name, spec, expected) => {
    const told = (inspection: boolean) =>
      notEnforcedHere(web('p', spec), { inspection }).map(({ what }) => what)
    expect(told(false)).toEqual(expected)
    expect(told(true)).toEqual([])
  })
})
