import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createTableCompiler,
  decideByTable,
  explain,
  explainSentences,
  type FlowFacts,
  type PolicyDocument,
} from '../src/index.ts'
import { ask, WORKLOADS, web } from './asking.ts'
import { modelOf, NODE, networkPolicy } from './builders.ts'
import { generateCluster, PORTS, RICH } from './cluster.ts'

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
      [web('x', { egress: [{ applications: ['grpc'], l7: GET }] })],
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
