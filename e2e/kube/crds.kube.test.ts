import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CLUSTER_SECURITY_POLICIES,
  CUSTOM_RESOURCE_DEFINITIONS,
  type JsonRecord,
  KubeError,
  KubeObjects,
  openKubeClient,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { parsePolicies } from '@sekisho/policy'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { findPrograms } from '../../packages/kube/test/real/programs.ts'
import { openRealApiServer, type RealApiServer } from '../../packages/kube/test/real/server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { CRD_FILES } from '../../scripts/crds.ts'

const programs = findPrograms()
const unavailable = typeof programs === 'string' ? programs : undefined
if (unavailable !== undefined && process.env.CI) throw new Error(unavailable)

const docs = join(import.meta.dirname, '../../docs')
const examples = [...readFileSync(join(docs, 'policy.md'), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)]
  .flatMap(([, yaml = '']) => {
    const read = parsePolicies(yaml)
    return read.ok ? read.value : []
  })
  .filter(({ kind }) => kind === 'SecurityPolicy' || kind === 'ClusterSecurityPolicy')

if (unavailable !== undefined)
  test('custom resources in a real API server', context => {
    process.stderr.write(`skipped: ${unavailable}\n`)
    context.skip(unavailable)
  })
else {
  let server: RealApiServer
  let policies: KubeObjects
  let cluster: KubeObjects
  const resources = new DisposableStack()
  beforeAll(async () => {
    if (typeof programs === 'string') return
    server = await openRealApiServer(programs)
    const client = resources.use(
      openKubeClient({ access: server.access, userAgent: 'sekisho-test/0', timers }),
    )
    const definitions = new KubeObjects(client, CUSTOM_RESOURCE_DEFINITIONS)
    policies = new KubeObjects(client, SECURITY_POLICIES)
    cluster = new KubeObjects(client, CLUSTER_SECURITY_POLICIES)
    for (const yaml of Object.values(CRD_FILES)) {
      const definition = parse(yaml) as JsonRecord & { readonly metadata: { readonly name: string } }
      await definitions.apply({ name: definition.metadata.name }, definition, { fieldManager: 'sekisho' })
    }
    // Served a moment after they were accepted.
    await vi.waitFor(() => Promise.all([policies.page({}, { limit: 1 }), cluster.page({}, { limit: 1 })]))
  }, 300_000)
  afterAll(async () => {
    resources.dispose()
    await server?.[Symbol.asyncDispose]()
  })

  const apply = (name: string, spec: unknown) =>
    policies.apply({ namespace: 'default', name }, { spec }, { fieldManager: 'test' })

  test('the examples of the documentation are accepted', async () => {
    expect(examples.length).toBeGreaterThan(1)
    for (const { kind, name, source } of examples) {
      const of = kind === 'SecurityPolicy' ? policies : cluster
      const place = kind === 'SecurityPolicy' ? { namespace: 'default', name } : { name }
      const stored = await of.apply(place, { spec: source.spec }, { fieldManager: 'test' })
      expect(stored.generation).toBe(1)
    }
  })

  test('what is left out gets its default, and is what the reader takes it for', async () => {
    const { json } = await apply('defaults', { ingress: [{ ports: [{ port: 80 }] }] })
    expect(json.spec).toEqual({
      mode: 'Audit',
      onFailure: 'closed',
      onDeny: 'drop',
      ingress: [{ action: 'Allow', ports: [{ protocol: 'TCP', port: 80 }] }],
    })
  })

  test('a field that is unknown is kept, so that it can be refused by name', async () => {
    const { json } = await apply('unknown', { ingress: [{ form: [{ entity: 'dns' }] }] })
    expect(json.spec).toMatchObject({ ingress: [{ form: [{ entity: 'dns' }] }] })
  })

  test.each<[string, JsonRecord, RegExp]>([
    ['nothing', {}, /does nothing; write ingress, egress or policyTypes/],
    ['a mode that is none', { ingress: [], mode: 'enforce' }, /spec.mode: Unsupported value: "enforce"/],
    [
      'two peers in one',
      { ingress: [{ from: [{ entity: 'dns', podSelector: {} }] }] },
      /spec.ingress\[0\].from\[0\]/,
    ],
    ['onDeny of an Allow rule', { ingress: [{ onDeny: 'reset' }] }, /onDeny is for Deny rules/],
    ['text for a number', { ingress: [{ ports: [{ port: 1, endPort: '2' }] }] }, /endPort/],
  ])('%s is refused', async (_, spec, reason) => {
    const created = policies.create({ namespace: 'default' }, { metadata: { name: 'refused' }, spec })
    const refused: unknown = await created.catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(KubeError)
    expect(refused).toMatchObject({ status: 422, message: expect.stringMatching(reason) as unknown })
  })

  test('the status is written beside the spec, by its own writer', async () => {
    const { generation } = await apply('told', { ingress: [] })
    const status = { observedGeneration: generation, workloads: 3, rules: 0, deniedLastHour: 7 }
    const place = { namespace: 'default', name: 'told', subresource: 'status' } as const
    const told = await policies.apply(place, { status }, { fieldManager: 'sekisho-server' })
    expect(told.json.status).toEqual(status)
    expect(told.generation).toBe(generation)
  })
}
