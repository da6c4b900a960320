import { describe, expect, test } from 'vitest'
import { type FlowFacts, notEnforcedHere } from '../src/index.ts'
import { ask, WORKLOADS, web } from './asking.ts'
import { modelOf, securityPolicy, workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

describe('names, entities, hosts and service accounts', () => {
  const to = (...peers: Json[]) => [web('p', { egress: [{ to: peers }] })]
  const named = (...names: string[]): FlowFacts => ({ names, application: 'unknown' })
  test.each<[string, Json, string, FlowFacts | undefined, string]>([
    [
      'a name is not known yet',
      { fqdn: 'www.example.com' },
      '203.0.113.1',
      undefined,
      'deny until name (closed)',
    ],
    ['the name', { fqdn: 'WWW.example.com.' }, '203.0.113.1', named('www.example.com'), 'allow'],
    ['one or more labels', { fqdn: '*.example.com' }, '203.0.113.1', named('a.b.example.com'), 'allow'],
    ['not the parent itself', { fqdn: '*.example.com' }, '203.0.113.1', named('example.com'), 'deny'],
    [
      'not another name that ends so',
      { fqdn: '*.example.com' },
      '203.0.113.1',
      named('badexample.com'),
      'deny',
    ],
    [
      'a name that leads inside opens nothing',
      { fqdn: '*.example.com' },
      '10.0.0.2',
      named('a.example.com'),
      'deny',
    ],
    ['nor to a node', { fqdn: '*.example.com' }, '192.168.0.1', named('a.example.com'), 'deny'],
    [
      'it may lead to an external machine',
      { fqdn: '*.example.com' },
      '198.51.100.7',
      named('a.example.com'),
      'allow',
    ],
    ['world: outside', { entity: 'world' }, '203.0.113.1', undefined, 'allow'],
    ['world: external machines', { entity: 'world' }, '198.51.100.7', undefined, 'allow'],
    ['world: no workload', { entity: 'world' }, '10.0.0.2', undefined, 'deny'],
    ['world: no node', { entity: 'world' }, '192.168.0.1', undefined, 'deny'],
    ['cluster: workloads', { entity: 'cluster' }, '10.0.0.2', undefined, 'allow'],
    ['cluster: nodes', { entity: 'cluster' }, '192.168.0.1', undefined, 'allow'],
    ['cluster: nothing outside', { entity: 'cluster' }, '203.0.113.1', undefined, 'deny'],
    ['host: the own node', { entity: 'host' }, '192.168.0.1', undefined, 'allow'],
    ['host: nothing else', { entity: 'host' }, '192.168.0.2', undefined, 'deny'],
    ['metadata', { entity: 'metadata' }, '169.254.169.254', undefined, 'allow'],
    [
      'hosts by label',
      { hostSelector: { matchLabels: { role: 'worker' } } },
      '192.168.0.1',
      undefined,
      'allow',
    ],
    ['hosts are no pods', { podSelector: {} }, '192.168.0.1', undefined, 'deny'],
    [
      'external machines',
      { externalSelector: { matchLabels: { app: 'mainframe' } } },
      '198.51.100.7',
      undefined,
      'allow',
    ],
    ['and nothing that only claims to be one', { externalSelector: {} }, '10.0.0.3', undefined, 'deny'],
    ['a kind', { workloadKinds: ['external'] }, '198.51.100.7', undefined, 'allow'],
    ['a service account is no label', { serviceAccounts: ['api'] }, '10.0.0.3', undefined, 'deny'],
  ])('%s', (_name, peer, destination, facts, expected) => {
    expect(ask(to(peer), destination, facts)).toBe(expected)
  })

  test('subjects by service account', () => {
    const subject = { serviceAccounts: ['web'] }
    expect(ask([securityPolicy('shop/p', { subject, egress: [] })], '10.0.0.2')).toBe('deny')
    expect(
      ask([securityPolicy('shop/p', { subject: { serviceAccounts: ['db'] }, egress: [] })], '10.0.0.2'),
    ).toBe('allow')
  })

  test.each<[string, Json, string]>([
    ['a kind that it is', { workloadKinds: ['pod', 'container'] }, 'deny'],
    ['another kind', { workloadKinds: ['service'] }, 'allow'],
    [
      'labels and account, both of which it has',
      { podSelector: { matchLabels: { app: 'web' } }, serviceAccounts: ['web'] },
      'deny',
    ],
    [
      'labels it has and an account it has not',
      { podSelector: { matchLabels: { app: 'web' } }, serviceAccounts: ['db'] },
      'allow',
    ],
  ])('subjects by %s', (_name, subject, expected) => {
    expect(ask([securityPolicy('shop/p', { subject, egress: [] })], '10.0.0.2')).toBe(expected)
  })

  test('subjects that are external machines', () => {
    const policy = securityPolicy('/machines', {
      subject: { externalSelector: { matchLabels: { app: 'mainframe' } } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'api' } } }] }],
    })
    const verdict = (source: string) =>
      modelOf(WORKLOADS, [policy]).decide({
        source: { ip: source },
        destination: { ip: '198.51.100.7' },
        protocol: 'TCP',
        port: 80,
      }).verdict
    expect([verdict('10.0.0.2'), verdict('10.0.0.1')]).toEqual(['allow', 'deny'])
    expect(notEnforcedHere(policy)).toEqual([])
  })

  test('what stands behind the entities of a cluster', () => {
    const DNS = workload('kube-system/dns', '10.0.2.1', { labels: { 'k8s-app': 'kube-dns' } })
    const fake = workload('shop/dns', '10.0.2.2', { labels: { 'k8s-app': 'kube-dns' } })
    const control = workload('/control', '192.168.0.9', {
      kind: 'host',
      hostNetwork: true,
      labels: { 'node-role.kubernetes.io/control-plane': '' },
    })
    const told = workload('shop/resolver', '198.51.100.53', {
      kind: 'external',
      labels: { 'sekisho.dev/entity': 'dns' },
    })
    const reached = (entity: string) =>
      [DNS, fake, control, told]
        .filter(({ addresses }) => {
          const query = { source: { ip: '10.0.0.1' }, destination: { ip: addresses[0] ?? '' } }
          const model = modelOf([...WORKLOADS, DNS, fake, control, told], to({ entity }))
          return model.decide({ ...query, protocol: 'UDP', port: 53 }).verdict === 'allow'
        })
        .map(({ name }) => name)
    expect(reached('dns')).toEqual(['dns', 'resolver'])
    expect(reached('kube-apiserver')).toEqual(['control'])
    expect(ask(to({ entity: 'dns' }), '169.254.20.10')).toBe('allow')
  })

  test('a policy about hosts is decided, and acts nowhere', () => {
    const policy = securityPolicy('/hosts', { subject: { hostSelector: {} }, egress: [] })
    const model = modelOf(WORKLOADS, [policy])
    const query = {
      source: { ip: '192.168.0.1' },
      destination: { ip: '203.0.113.1' },
      protocol: 'TCP',
      port: 443,
    } as const
    expect([model.decide(query).verdict, model.judge(query).outcome]).toEqual(['deny', 'allowed'])
    expect(notEnforcedHere(policy)).toEqual([{ policy: policy.id, what: 'host-subject' }])
  })
})
