import type { EpochMs, L7Request } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compilePattern } from '../src/documents/pattern.ts'
import {
  createTableCompiler,
  decideByTable,
  explain,
  explainSentences,
  type FlowFacts,
  type NotEnforcedWhat,
  notEnforcedHere,
  type PolicyDocument,
  validatePolicy,
} from '../src/index.ts'
import { modelOf, NODE, networkPolicy, securityPolicy, workload } from './builders.ts'
import { generateCluster, PORTS, RICH } from './cluster.ts'

type Json = Readonly<Record<string, unknown>>

const WORKLOADS = [
  workload('shop/web', '10.0.0.1', { serviceAccount: 'web' }),
  workload('shop/api', '10.0.0.2'),
  workload('shop/claims-api', '10.0.0.3', { labels: { '@service-account': 'api', '@kind': 'external' } }),
  workload('shop/mainframe', '198.51.100.7', { kind: 'external', labels: { app: 'mainframe' } }),
  workload('/node-a', '192.168.0.1', { kind: 'host', hostNetwork: true, labels: { role: 'worker' } }),
]
const WEB = { podSelector: { matchLabels: { app: 'web' } } }
const web = (name: string, sections: Json): PolicyDocument =>
  securityPolicy(`shop/${name}`, { subject: WEB, ...sections })

function ask(policies: readonly PolicyDocument[], destination: string, facts?: FlowFacts) {
  const query = {
    source: { ip: '10.0.0.1' },
    destination: { ip: destination },
    protocol: 'TCP',
    port: 80,
  } as const
  const { verdict, inspect } = modelOf(WORKLOADS, policies).decide(facts ? { ...query, facts } : query)
  return inspect ? `${verdict} until ${inspect.needs.join()} (${inspect.onFailure})` : verdict
}

const http = (method: string, path = '/'): FlowFacts => ({
  application: 'http',
  request: { kind: 'http', method, path, host: 'api', headers: {} },
})
const GET = [{ http: { methods: ['GET'] } }]

describe('facts that are not known yet', () => {
  const allowGet = web('get', { egress: [{ l7: GET }] })
  const denyPost = web('post', { egress: [{ action: 'Deny', l7: [{ http: { methods: ['POST'] } }] }] })
  const allowAll = web('all', { egress: [{}] })

  test.each<[string, readonly PolicyDocument[], FlowFacts | undefined, string]>([
    [
      'an Allow rule does not allow, and does not settle it',
      [allowGet],
      undefined,
      'deny until http (closed)',
    ],
    ['until the request is known', [allowGet], http('GET'), 'allow'],
    ['whatever it is', [allowGet], http('POST'), 'deny'],
    ['a Deny rule does not deny everything', [denyPost, allowAll], undefined, 'allow until http (closed)'],
    ['but its requests', [denyPost, allowAll], http('POST'), 'deny'],
    ['and no others', [denyPost, allowAll], http('GET'), 'allow'],
    [
      'a request of another protocol is no match',
      [allowGet],
      { request: { kind: 'redis', command: 'GET', keys: [] } },
      'deny',
    ],
    ['what is allowed anyway needs no inspection', [allowGet, allowAll], undefined, 'allow'],
    ['nor what is denied anyway', [allowGet, web('no', { egress: [{ action: 'Deny' }] })], undefined, 'deny'],
    [
      'an exception before a Deny is open',
      [web('x', { egress: [{ l7: GET }, { action: 'Deny' }] })],
      undefined,
      'deny until http (closed)',
    ],
    [
      'one that leads to a deny settles nothing less',
      [web('x', { egress: [{ l7: GET }, { action: 'Deny' }] }), web('y', { egress: [{ action: 'Deny' }] })],
      undefined,
      'deny',
    ],
    [
      'application and request must both hold',
      [web('x', { egress: [{ applications: ['http'], l7: GET }] })],
      undefined,
      'deny until application,http (closed)',
    ],
    [
      'one no is enough',
      [web('x', { egress: [{ applications: ['redis'], l7: GET }] })],
      { application: 'http' },
      'deny',
    ],
    [
      'what is spoken inside HTTP is HTTP',
      [web('x', { egress: [{ applications: ['http'] }] })],
      { application: 'etcd' },
      'allow',
    ],
    [
      'but not the other way round',
      [web('x', { egress: [{ applications: ['etcd'] }] })],
      { application: 'http' },
      'deny',
    ],
    ['no request of that kind can come any more', [allowGet], { application: 'redis' }, 'deny'],
    ['nor where nobody knows what is spoken', [allowGet], { application: 'unknown' }, 'deny'],
    [
      'HTTP may turn out to be gRPC',
      [web('x', { egress: [{ l7: [{ grpc: {} }] }] })],
      { application: 'http' },
      'deny until grpc (closed)',
    ],
    [
      'onFailure is closed where any policy says so',
      [web('x', { onFailure: 'open', egress: [{ l7: GET }] }), allowGet],
      undefined,
      'deny until http (closed)',
    ],
    [
      'and open where all do',
      [web('x', { onFailure: 'open', egress: [{ l7: GET }] })],
      undefined,
      'deny until http (open)',
    ],
  ])('%s', (_name, policies, facts, expected) => {
    expect(ask(policies, '10.0.0.2', facts)).toBe(expected)
  })

  test('a side that denies for good settles the other', () => {
    const closed = networkPolicy('shop/closed', { podSelector: { matchLabels: { app: 'api' } } })
    expect(ask([allowGet, closed], '10.0.0.2')).toBe('deny')
  })

  test('kernels are told the verdict without the rules that ask', () => {
    const table = (policies: readonly PolicyDocument[]) => {
      const compiled = createTableCompiler(modelOf(WORKLOADS, policies), { name: NODE, addresses: [] }).table
      const packet = { source: '10.0.0.1', destination: '10.0.0.2', protocol: 'TCP', port: 80 } as const
      return decideByTable(compiled, packet).egress?.verdict
    }
    expect([table([allowGet]), table([denyPost, allowAll])]).toEqual(['deny', 'allow'])
  })

  test('explain says what the answer depends on', () => {
    const query = {
      source: { ip: '10.0.0.1' },
      destination: { ip: '10.0.0.2' },
      protocol: 'TCP',
      port: 80,
    } as const
    const { considered, inspect } = explain(modelOf(WORKLOADS, [allowGet]), query)
    expect(considered[0]).toMatchObject({ outcome: 'needs-facts', needs: ['http'] })
    expect(inspect).toEqual({ needs: ['http'], onFailure: 'closed' })
    const explanation = explain(modelOf(WORKLOADS, [allowGet]), query)
    expect(explainSentences(explanation, 'en')).toContain('This can change once the HTTP request is known.')
    expect(explainSentences(explanation, 'ja')).toContain(
      'HTTP リクエストが分かると、この結果は変わることがあります。',
    )
  })

  test('a verdict without `inspect` stays, whatever the facts turn out to be', () => {
    const facts: readonly FlowFacts[] = [
      http('GET'),
      http('POST'),
      {
        application: 'redis',
        names: ['a.example.com'],
        request: { kind: 'redis', command: 'GET', keys: ['a'] },
      },
      { names: [] },
    ]
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), seed => {
        const cluster = generateCluster(seed, RICH)
        const model = modelOf(cluster.workloads, cluster.policies)
        const ips = [...cluster.workloads.flatMap(({ addresses }) => addresses), '203.0.113.7'].filter(
          ip => !ip.includes(':'),
        )
        for (const destination of ips) {
          const port = PORTS[seed % PORTS.length] ?? 80
          const query = {
            source: { ip: ips[seed % ips.length] ?? '' },
            destination: { ip: destination },
            protocol: 'TCP',
            port,
          } as const
          const { verdict, inspect } = model.decide(query)
          if (inspect) continue
          for (const known of facts) expect(model.decide({ ...query, facts: known }).verdict).toBe(verdict)
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('requests', () => {
  const base = { host: 'API.shop.example', headers: { 'x-tenant': ['blue'] } }
  const get = (path: string): L7Request => ({ kind: 'http', method: 'GET', path, ...base })
  const sql = (statement: string, ...tables: string[]): L7Request => ({
    kind: 'sql',
    statement,
    database: 'shop',
    tables,
  })
  test.each<[string, Json, L7Request, allow: boolean, deny: boolean]>([
    ['any http', { http: {} }, get('/'), true, true],
    ['a path prefix', { http: { path: { prefix: '/api/' } } }, get('/api/a'), true, true],
    ['another path', { http: { path: { exact: '/api' } } }, get('/api/a'), false, false],
    ['a pattern matches all of the path', { http: { path: { regex: '/a+' } } }, get('/aab'), false, false],
    ['a host by pattern, in any case', { http: { hosts: ['*.shop.example'] } }, get('/'), true, true],
    ['a header that is there', { http: { headers: [{ name: 'x-tenant' }] } }, get('/'), true, true],
    ['one that is not', { http: { headers: [{ name: 'constructor' }] } }, get('/'), false, false],
    [
      'a repeated header: each for Allow, any for Deny',
      { http: { headers: [{ name: 'x-tenant', exact: 'blue' }] } },
      { ...get('/'), headers: { 'x-tenant': ['blue', 'red'] } } as L7Request,
      false,
      true,
    ],
    [
      'grpc',
      { grpc: { service: 'shop.v1.Orders', methods: ['List'] } },
      { kind: 'grpc', service: 'shop.v1.Orders', method: 'List' },
      true,
      true,
    ],
    [
      'dns',
      { dns: { names: ['*.example.com'], types: ['A'] } },
      { kind: 'dns', name: 'a.b.example.com.', type: 'A' },
      true,
      true,
    ],
    ['no server name', { tls: { sni: ['a.example.com'] } }, { kind: 'tls' }, false, false],
    [
      'every table for Allow, any for Deny',
      { sql: { statements: ['select'], tables: ['orders'] } },
      sql('select', 'orders', 'cards'),
      false,
      true,
    ],
    ['only the tables that are listed', { sql: { tables: ['orders'] } }, sql('select', 'orders'), true, true],
    ['a statement that names no table', { sql: { tables: ['orders'] } }, sql('set'), false, false],
    [
      'redis keys by prefix',
      { redis: { commands: ['MGET'], keyPrefixes: ['cart:'] } },
      { kind: 'redis', command: 'MGET', keys: ['cart:1', 'user:1'] },
      false,
      true,
    ],
    [
      'kafka',
      { kafka: { apis: ['Produce'], topics: ['orders'] } },
      { kind: 'kafka', api: 'Produce', topics: ['orders'] },
      true,
      true,
    ],
    [
      'mongodb',
      { mongodb: { operations: ['find'], collections: ['orders'] } },
      { kind: 'mongodb', operation: 'find', database: 'shop', collection: 'orders' },
      true,
      true,
    ],
  ])('%s', (_name, match, request, allow, deny) => {
    expect(ask([web('a', { egress: [{ l7: [match] }] })], '10.0.0.2', { request }) === 'allow').toBe(allow)
    expect(
      ask([web('d', { egress: [{ action: 'Deny', l7: [match] }] })], '10.0.0.2', { request }) === 'deny',
    ).toBe(deny)
  })
})

describe('names, entities, hosts and service accounts', () => {
  const to = (...peers: Json[]) => [web('p', { egress: [{ to: peers }] })]
  const named = (...names: string[]): FlowFacts => ({ names })
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

describe('rules that end', () => {
  const rule = { validUntil: '2030-01-01T00:00:00+09:00', ticket: 'SEC-1' }
  const END = Date.parse('2029-12-31T15:00:00Z') as EpochMs
  const query = {
    source: { ip: '10.0.0.1' },
    destination: { ip: '10.0.0.2' },
    protocol: 'TCP',
    port: 80,
  } as const
  const at = (action: string, now: EpochMs | undefined) => {
    const model = modelOf(WORKLOADS, [web('p', { egress: [{ action, ...rule }] })])
    if (now !== undefined) model.update({ now })
    return model
  }

  test.each([
    ['Allow', undefined, 'deny'],
    ['Allow', END - 1, 'allow'],
    ['Allow', END, 'deny'],
    ['Deny', undefined, 'deny'],
    ['Deny', END - 1, 'deny'],
    ['Deny', END, 'allow'],
  ] as const)('%s at %s: %s', (action, now, verdict) => {
    expect(at(action, now as EpochMs | undefined).decide(query).verdict).toBe(verdict)
  })

  test('the table follows the time, back as well, and the model says when', () => {
    const model = at('Allow', (END - 1) as EpochMs)
    expect(model.nextExpiry()).toBe(END)
    const compiler = createTableCompiler(model, { name: NODE, addresses: [] })
    const verdict = () =>
      decideByTable(compiler.table, {
        source: '10.0.0.1',
        destination: '10.0.0.2',
        protocol: 'TCP',
        port: 80,
      }).egress?.verdict
    expect(verdict()).toBe('allow')
    compiler.update(model.update({ now: END }))
    expect([verdict(), model.nextExpiry()]).toEqual(['deny', undefined])
    compiler.update(model.update({ now: (END - 1) as EpochMs }))
    expect(verdict()).toBe('allow')
  })

  test('explain names what has expired', () => {
    expect(explain(at('Allow', END), query).considered[0]).toMatchObject({
      outcome: 'expired',
      rule: 'SecurityPolicy/shop/p#egress[0]',
    })
  })
})

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
    ['another onFailure', { egress: [], onFailure: 'ignore' }, 'spec.onFailure', /open, closed/],
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
    expect(notEnforcedHere(web('p', spec)).map(({ what }) => what)).toEqual(expected)
  })
})

describe('patterns', () => {
  test('mean what the same pattern means in JavaScript', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '(a|b)', '(ab|c)', '(?:b)')
    const piece = fc
      .tuple(atom, fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{2,}'))
      .map(([one, times]) => one + times)
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', '1'), { maxLength: 8 })
      .map(letters => letters.join(''))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), text, (pieces, subject) => {
        const compiled = compilePattern(pieces.join(''))
        if (!compiled.ok) throw new TypeError(compiled.error)
        expect(compiled.value(subject)).toBe(new RegExp(`^(?:${pieces.join('')})$`, 'su').test(subject))
      }),
      { numRuns: 500 },
    )
  })

  test('run in linear time where backtracking takes for ever', () => {
    const compiled = compilePattern('(a*)*b')
    expect(compiled.ok && compiled.value('a'.repeat(5_000))).toBe(false)
  })

  test.each([
    'a{1,101}',
    '(((a{100}){100}){100})',
    '[z-a]',
    '(?=a)',
    '\\1',
    'a**',
    '^a',
    '('.repeat(40),
    'a{2,1}',
  ])('refused: %s', pattern => {
    expect(compilePattern(pattern).ok).toBe(false)
  })
})
