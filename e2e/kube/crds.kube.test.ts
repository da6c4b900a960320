import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CLUSTER_SECURITY_POLICIES,
  EXTERNAL_WORKLOADS,
  type JsonRecord,
  KubeError,
  KubeObjects,
  openKubeClient,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { parsePolicies } from '@sekisho/policy'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { openRealCluster, withPrograms } from './real-cluster.ts'

const docs = join(import.meta.dirname, '../../docs')
const examples = [...readFileSync(join(docs, 'policy.md'), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)]
  .flatMap(([, yaml = '']) => {
    const read = parsePolicies(yaml)
    return read.ok ? read.value : []
  })
  .filter(({ kind }) => kind === 'SecurityPolicy' || kind === 'ClusterSecurityPolicy')

withPrograms('custom resources in a real API server', programs => {
  let policies: KubeObjects
  let cluster: KubeObjects
  let machines: KubeObjects
  const resources = new AsyncDisposableStack()
  beforeAll(async () => {
    const server = resources.use(await openRealCluster(programs))
    const client = resources.use(openKubeClient({ access: server.access, userAgent: 'test/0', timers }))
    policies = new KubeObjects(client, SECURITY_POLICIES)
    cluster = new KubeObjects(client, CLUSTER_SECURITY_POLICIES)
    machines = new KubeObjects(client, EXTERNAL_WORKLOADS)
  }, 300_000)
  afterAll(() => resources.disposeAsync())

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

  test('a machine outside gets what it leaves out', async () => {
    const spec = {
      addresses: ['10.20.0.7', '2001:db8::7'],
      ports: [{ name: 'pg', port: 5432 }],
      node: 'vm-1',
    }
    const { json } = await machines.create({ namespace: 'default' }, { metadata: { name: 'vm' }, spec })
    expect(json.spec).toEqual({ ...spec, ports: [{ name: 'pg', port: 5432, protocol: 'TCP' }] })
  })

  test.each<[string, JsonRecord, RegExp]>([
    ['without an address', {}, /spec.addresses: Required value/],
    ['with none in the list', { addresses: [] }, /spec.addresses: .*at least 1 items/],
    ['with a block', { addresses: ['10.0.0.0/8'] }, /spec.addresses\[0\]: .*should match/],
    ['with a loopback address', { addresses: ['127.0.0.1'] }, /is a loopback address/],
    [
      'with an address twice',
      { addresses: ['10.0.0.1', '10.0.0.1'] },
      /spec.addresses\[1\]: Duplicate value/,
    ],
    [
      'with two ports of one name',
      {
        addresses: ['10.0.0.1'],
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      },
      /spec.ports\[1\]: Duplicate value/,
    ],
    ['with a node that no agent can have', { addresses: ['10.0.0.1'], node: '-vm' }, /spec.node/],
  ])('a machine outside %s is refused', async (_, spec, reason) => {
    const created = machines.create({ namespace: 'default' }, { metadata: { name: 'refused' }, spec })
    const refused: unknown = await created.catch((error: unknown) => error)
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
})
