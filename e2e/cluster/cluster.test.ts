import { KubeObjects } from '@sekisho/kube'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Cluster, openCluster } from './cluster.ts'
import { makeNamespace, type Pod, reaches, SERVICES, startPod } from './pods.ts'

let cluster: Cluster
const pods = new Map<string, Pod>()
const pod = (name: string): Pod => {
  const found = pods.get(name)
  if (!found) throw new RangeError(`no pod ${name}`)
  return found
}

beforeAll(async () => {
  cluster = await openCluster()
  await makeNamespace(cluster.client, 'shop')
  for (const [name, node] of [
    ['web', 'node-1'],
    ['near', 'node-1'],
    ['far', 'node-2'],
  ] as const) {
    pods.set(name, await startPod(cluster, { namespace: 'shop', name, node, labels: { app: name } }))
  }
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

test('pods reach each other on one node and across two, and a Service by kube-proxy', async () => {
  expect(reaches(pod('near'), pod('web').ip)).toBe(true)
  expect(reaches(pod('far'), pod('web').ip)).toBe(true)
  const service = await new KubeObjects(cluster.client, SERVICES).create(
    { namespace: 'shop' },
    {
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 8080, targetPort: 80 }] },
    },
  )
  const { clusterIP } = service.json.spec as { readonly clusterIP: string }
  await vi.waitFor(() => {
    for (const name of ['near', 'far', 'web'])
      expect([name, reaches(pod(name), clusterIP, 8080)]).toEqual([name, true])
  })
})
