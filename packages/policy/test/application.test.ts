import { LIMITS, type PolicyId } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import {
  type ApplicationDocument,
  definedBy,
  lint,
  parsePolicies,
  policyToYaml,
  readManifests,
  undefinedApplications,
  validatePolicy,
  withMode,
} from '../src/index.ts'
import { ask, web } from './asking.ts'
import { modelOf, workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

const document = (spec: Json, name = 'acme-orders'): Json => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'Application',
  metadata: { name },
  spec,
})
const SPEC = {
  transport: 'TCP',
  client: [{ text: 'ORD1' }, { at: 4, hex: '00 ?? 01' }, { at: 7, within: 8, pattern: 'user=[a-z]+;' }],
  server: [{ hex: '06' }],
}

function read(spec: Json, name?: string): ApplicationDocument {
  const result = validatePolicy(document(spec, name))
  if (!result.ok || result.value.kind !== 'Application') throw new TypeError(JSON.stringify(result))
  return result.value
}

describe('a definition', () => {
  test('is read into data', () => {
    const { id, definition } = read({
      ...SPEC,
      overrides: [{ addresses: ['10.0.0.0/8'], ports: [{ port: 9_000 }, { port: 9_010, endPort: 9_020 }] }],
    })
    expect(id).toBe('Application//acme-orders')
    expect(definition).toMatchObject({
      application: 'acme-orders',
      transport: 'TCP',
      client: [
        { kind: 'bytes', at: 0, bytes: [0x4f, 0x52, 0x44, 0x31] },
        { kind: 'bytes', at: 4, bytes: [0, null, 1] },
        { kind: 'text', at: 7, within: 8, pattern: 'user=[a-z]+;' },
      ],
      server: [{ kind: 'bytes', at: 0, bytes: [6] }],
      overrides: [
        {
          addresses: [{ family: 4 }],
          ports: [
            [9_000, 9_000],
            [9_010, 9_020],
          ],
        },
      ],
    })
  })

  test('of what is built in says where it is spoken', () => {
    const { definition } = read({ transport: 'TCP', overrides: [{ ports: [{ port: 2_222 }] }] }, 'ssh')
    expect(definition).toMatchObject({ application: 'ssh', client: [], server: [] })
  })

  test('selects nobody, decides nothing, and has no mode', () => {
    const definition = read(SPEC)
    const pod = workload('shop/web', '10.0.0.1')
    const model = modelOf([pod, workload('shop/api', '10.0.0.2')], [definition])
    const query = {
      source: { ip: '10.0.0.1' },
      destination: { ip: '10.0.0.2' },
      protocol: 'TCP',
      port: 80,
    } as const
    expect(model.decide(query)).toMatchObject({ verdict: 'allow', why: 'not-selected' })
    expect(model.selecting(pod.id)).toEqual([])
    expect(withMode(definition, 'Audit')).toBe(definition)
    expect(policyToYaml(definition)).toContain('name: acme-orders')
  })

  const first = (pattern: Json) => ({ ...SPEC, client: [pattern] })
  const server = (override: Json) => ({ transport: 'TCP', overrides: [override] })
  test.each<[string, Json, string, name?: string]>([
    ['a pattern of what is built in', SPEC, 'spec.client', 'ssh'],
    ['a name that is none', SPEC, 'metadata.name', '1abc'],
    ['the name of what nothing is recognised in', SPEC, 'metadata.name', 'unknown'],
    ['no transport', { client: [{ text: 'a' }] }, 'spec.transport'],
    ['a transport that is not read', { ...SPEC, transport: 'SCTP' }, 'spec.transport'],
    ['nothing to know it by', { transport: 'TCP', client: [] }, 'spec'],
    ['an unknown field', { ...SPEC, ports: [1] }, 'spec.ports'],
    ['a pattern of two kinds', first({ text: 'a', hex: '00' }), 'spec.client[0]'],
    ['a pattern of no kind', first({ at: 3 }), 'spec.client[0]'],
    ['digits that are none', first({ hex: '0g' }), 'spec.client[0].hex'],
    ['half a byte', first({ hex: '012' }), 'spec.client[0].hex'],
    ['a text that is not ASCII', first({ text: 'é' }), 'spec.client[0].text'],
    ['an empty text', first({ text: '' }), 'spec.client[0].text'],
    ['a text without end', first({ text: 'a'.repeat(1_025) }), 'spec.client[0].text'],
    ['a place behind the opening', first({ at: LIMITS.openingBytes.value, text: 'a' }), 'spec.client[0].at'],
    ['a pattern that is not linear', first({ pattern: '(a)\\1' }), 'spec.client[0].pattern'],
    ['a bracket too many', first({ pattern: 'a)|(b' }), 'spec.client[0].pattern'],
    ['a width without a pattern', first({ text: 'a', within: 3 }), 'spec.client[0].within'],
    ['a width beyond all', first({ pattern: 'a', within: 2_000 }), 'spec.client[0].within'],
    ['more patterns than are compared', { ...SPEC, client: Array(17).fill({ text: 'a' }) }, 'spec.client'],
    ['servers that are all', server({}), 'spec.overrides[0]'],
    [
      'ports the wrong way around',
      server({ ports: [{ port: 30, endPort: 20 }] }),
      'spec.overrides[0].ports[0].endPort',
    ],
    ['a port that is none', server({ ports: [{ port: 0 }] }), 'spec.overrides[0].ports[0].port'],
    ['an address that is no block', server({ addresses: ['10.0.0.1'] }), 'spec.overrides[0].addresses[0]'],
  ])('is refused for %s, by its path', (_what, spec, path, name) => {
    const result = validatePolicy(document(spec, name))
    expect(result.ok ? 'accepted' : result.error.map(problem => problem.path)).toContain(path)
  })
})

const POLICY = `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: web, namespace: shop }
spec:
  subject: { podSelector: {} }
  egress: [{ applications: [redis, acme-orders] }]
`
const DEFINITION = `
apiVersion: sekisho.dev/v1alpha1
kind: Application
metadata: { name: acme-orders }
spec: { transport: TCP, client: [{ text: ORD1 }] }
`

describe('names of applications', () => {
  const accepted = (text: string, applications?: Parameters<typeof parsePolicies>[1]) => {
    const result = parsePolicies(text, applications)
    return result.ok ? 'accepted' : result.error
  }

  test('are refused where no definition exists, with their place', () => {
    expect(accepted(POLICY)).toEqual([
      {
        document: 0,
        path: 'spec.egress[0].applications[1]',
        reason: 'is neither built in nor defined by an Application',
        line: 7,
        column: 36,
      },
    ])
  })

  test.each<[string, string, Parameters<typeof parsePolicies>[1]]>([
    ['defined before', `${DEFINITION}---${POLICY}`, {}],
    ['defined behind', `${POLICY}---${DEFINITION}`, {}],
    ['defined elsewhere', POLICY, { applications: new Set([read(SPEC).definition.application]) }],
    ['of what was validated before', POLICY, { applications: 'any' }],
  ])('%s are accepted', (_what, text, options) => {
    expect(accepted(text, options)).toBe('accepted')
  })

  test('that are misspelt are told what was meant', () => {
    const result = parsePolicies(POLICY.replace('acme-orders', 'postgresq'))
    expect(result.ok ? [] : result.error.map(({ reason }) => reason)).toEqual([
      'is neither built in nor defined by an Application; did you mean "postgresql"?',
    ])
  })

  test('that no application can have are refused wherever', () => {
    expect(accepted(POLICY.replace('acme-orders', 'Acme'), { applications: 'any' })).not.toBe('accepted')
  })

  test('count in all files that are read together', () => {
    const files = [{ file: 'policy.yaml', text: POLICY }]
    expect(readManifests(files).problems.map(({ path }) => path)).toEqual(['spec.egress[0].applications[1]'])
    const both = readManifests([...files, { file: 'application.yaml', text: DEFINITION }])
    expect(both.problems).toEqual([])
    expect(both.policies.map(({ policy }) => policy.kind)).toEqual(['SecurityPolicy', 'Application'])
    const pod = `{ apiVersion: v1, kind: Pod, metadata: { name: web, namespace: shop, labels: { app: web } } }`
    const all = readManifests([
      ...files,
      { file: 'application.yaml', text: DEFINITION },
      { file: 'pod.yaml', text: pod },
    ])
    expect(lint(all).filter(({ place }) => place.file === 'application.yaml')).toEqual([])
  })

  test('that have lost their definition are found', () => {
    const parsed = parsePolicies(`${DEFINITION}---${POLICY}`)
    const documents = parsed.ok ? parsed.value : []
    const name = read(SPEC).definition.application
    expect(definedBy(documents)).toEqual(new Set([name]))
    expect(undefinedApplications(documents)).toEqual(new Map())
    expect(undefinedApplications(documents.slice(1))).toEqual(
      new Map([[name, 'SecurityPolicy/shop/web' as PolicyId]]),
    )
  })

  test('are compared as any other', () => {
    const { application } = read(SPEC).definition
    const policy = parsePolicies(
      `${DEFINITION}---${POLICY.replace('podSelector: {}', 'podSelector: { matchLabels: { app: web } }')}`,
    )
    const documents = (policy.ok ? policy.value : []).map(each => withMode(each, 'Enforce'))
    expect(ask(documents, '10.0.0.2')).toBe('deny until application (closed)')
    expect(ask(documents, '10.0.0.2', { application })).toBe('allow')
    expect(ask(documents, '10.0.0.2', { application: 'redis' })).toBe('allow')
    expect(ask(documents, '10.0.0.2', { application: 'http' })).toBe('deny')
    const http = web('x', { egress: [{ l7: [{ http: {} }] }] })
    expect(ask([http], '10.0.0.2', { application })).toBe('deny')
  })
})
