import { describe, expect, test } from 'vitest'
import {
  createTableCompiler,
  dnsProfiles,
  lint,
  type PolicyDocument,
  readManifests,
  treatByTable,
  validatePolicy,
} from '../src/index.ts'
import { WORKLOADS, web } from './asking.ts'
import { modelOf, NODE } from './builders.ts'

function profile(name: string): PolicyDocument {
  const read = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'SecurityProfile',
    metadata: { name },
    spec: { dns: {} },
  })
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}
const CLIENT = '10.0.0.1'
const allow = { egress: [{ to: [{ entity: 'world' }] }] }
const applied = (...policies: readonly PolicyDocument[]) =>
  dnsProfiles(modelOf(WORKLOADS, policies), CLIENT).map(({ name, acts }) => `${name} ${acts}`)

describe('profiles of a workload', () => {
  test.each<[string, readonly PolicyDocument[], readonly string[]]>([
    ['in Enforce act', [profile('strict'), web('p', { ...allow, profiles: ['strict'] })], ['strict true']],
    [
      'in Audit tell',
      [profile('strict'), web('p', { ...allow, mode: 'Audit', profiles: ['strict'] })],
      ['strict false'],
    ],
    [
      'in Learn are none',
      [profile('strict'), web('p', { ...allow, mode: 'Learn', profiles: ['strict'] })],
      [],
    ],
    ['that no document has are none', [web('p', { ...allow, profiles: ['strict'] })], []],
    ['that nobody names are none', [profile('strict'), web('p', allow)], []],
    [
      'of what it receives are none',
      [profile('strict'), web('p', { ingress: [], profiles: ['strict'] })],
      [],
    ],
    [
      'of several policies are each one',
      [
        profile('strict'),
        profile('mild'),
        web('p', { ...allow, mode: 'Audit', profiles: ['strict', 'mild'] }),
        web('q', { ...allow, profiles: ['strict'] }),
      ],
      ['strict true', 'mild false'],
    ],
  ])('%s', (_, policies, expected) =>
    expect(applied(...policies).toSorted()).toEqual([...expected].toSorted()),
  )

  test('an address that is no workload’s has none', () => {
    const model = modelOf(WORKLOADS, [profile('strict'), web('p', { ...allow, profiles: ['strict'] })])
    expect(dnsProfiles(model, '203.0.113.7')).toEqual([])
  })
})

describe('the table', () => {
  const packet = (port: number) =>
    ({ source: CLIENT, destination: '203.0.113.1', protocol: 'UDP', port }) as const
  const treated = (spec: Parameters<typeof web>[1], port: number) =>
    treatByTable(
      createTableCompiler(modelOf(WORKLOADS, [web('p', spec)]), { name: NODE, addresses: [] }).table,
      packet(port),
    )

  test('has DNS read where a profile is named, and nothing else', () => {
    expect(treated({ ...allow, profiles: ['strict'] }, 53)).toMatchObject({ kind: 'inspect' })
    expect(treated({ ...allow, profiles: ['strict'] }, 443)).toMatchObject({ kind: 'pass' })
    expect(treated(allow, 53)).toMatchObject({ kind: 'pass' })
  })
})

test('lint tells a profile that nobody has', () => {
  const policy = (name: string) => `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: web, namespace: shop }
spec: { subject: { podSelector: {} }, egress: [], profiles: [${name}] }`
  const strict =
    '{ apiVersion: sekisho.dev/v1alpha1, kind: SecurityProfile, metadata: { name: strict }, spec: { dns: {} } }'
  const found = (name: string) =>
    lint(readManifests([{ file: 'a.yaml', text: `${policy(name)}\n---\n${strict}\n` }])).filter(
      ({ id }) => id === 'profile-unknown',
    )
  expect(found('strict')).toEqual([])
  expect(found('strickt')).toMatchObject([
    { message: 'no SecurityProfile is called strickt', place: { line: 5 } },
  ])
})
