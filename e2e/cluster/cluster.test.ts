import { KubeObjects, NETWORK_POLICIES, PODS } from '@sekisho/kube'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Cluster, openCluster } from './cluster.ts'
import { finishedPod, makeNamespace, type Pod, reaches, SERVICES, startPod } from './pods.ts'
import { installSekisho, type Sekisho } from './sekisho.ts'

const SHOP = { namespace: 'shop' }
const PLACES = [
  ['web', 'node-1'],
  ['near', 'node-1'],
  ['far', 'node-2'],
] as const

describe('a cluster of two nodes', () => {
  const resources = new AsyncDisposableStack()
  const pods = new Map<string, Pod>()
  let cluster: Cluster
  let sekisho: Sekisho
  let serviceIp: string

  beforeAll(async () => {
    cluster = resources.use(await openCluster())
    await makeNamespace(cluster.client, SHOP.namespace)
    for (const [name, node] of PLACES)
      pods.set(name, await startPod(cluster, { ...SHOP, name, node, labels: { app: name } }))
    const spec = { selector: { app: 'web' }, ports: [{ port: 8080, targetPort: 80 }] }
    const service = await objects(SERVICES).create(SHOP, { metadata: { name: 'web' }, spec })
    serviceIp = (service.json.spec as { readonly clusterIP: string }).clusterIP
  })
  afterAll(() => resources.disposeAsync())

  const objects = (type: typeof PODS) => new KubeObjects(cluster.client, type)
  const pod = (name: string): Pod => {
    const found = pods.get(name)
    if (!found) throw new RangeError(`no pod ${name}`)
    return found
  }
  /** Who reaches the pod `web`, by its address and by its Service. */
  const everyoneReaches = (near: boolean, far: boolean) =>
    vi.waitFor(async () => {
      const all = (['near', 'far'] as const).flatMap(name => [
        reaches(pod(name), pod('web').ip),
        reaches(pod(name), serviceIp, 8080),
      ])
      expect(await Promise.all(all)).toEqual([near, near, far, far])
    })

  test('pods reach each other on one node and across two, and by a Service', () =>
    everyoneReaches(true, true))

  test('the server and an agent on each node', async () => {
    sekisho = resources.use(await installSekisho(cluster, ['--identify=off', '--cni-config=/etc/cni/net.d']))
    await everyoneReaches(true, true)
  })

  test('a NetworkPolicy holds on one node, across two, and for Services', async () => {
    const from = (app: string) => [{ podSelector: { matchLabels: { app } } }]
    const policy = (app: string) => ({
      spec: { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from: from(app) }] },
    })
    const at = { ...SHOP, name: 'web' }
    const apply = (app: string) => objects(NETWORK_POLICIES).apply(at, policy(app), { fieldManager: 'test' })
    await apply('near')
    await everyoneReaches(true, false)
    await apply('far')
    await everyoneReaches(false, true)
    await apply('nobody')
    await everyoneReaches(false, false)
    await objects(PODS).apply(
      { ...SHOP, name: 'far' },
      { metadata: { labels: { app: 'nobody' } } },
      { fieldManager: 'test', force: true },
    )
    await everyoneReaches(false, true)
  })
  test('a new pod has its rules before its first packet', async () => {
    const locked = { podSelector: { matchLabels: { app: 'locked' } }, policyTypes: ['Egress'] }
    await objects(NETWORK_POLICIES).apply(
      { ...SHOP, name: 'locked' },
      { spec: locked },
      { fieldManager: 'test' },
    )
    // Their first act is a connection; `near` takes everyone's, `web` only those of `nobody`.
    const connects = (to: string) => `nc -w 2 ${pod(to).ip} 80 </dev/null`
    const first = (app: string, node: string, to: string) =>
      finishedPod(cluster, { ...SHOP, name: `${app}-${node}`, node, labels: { app }, script: connects(to) })
    const [closed, far, open] = await Promise.all([
      first('locked', 'node-1', 'near'),
      first('locked', 'node-2', 'near'),
      first('nobody', 'node-1', 'web'),
    ])
    expect({ closed, far, open }).toEqual({ closed: 1, far: 1, open: 0 })
    expect(sekisho.status('node-1').cni).toMatchObject({ added: 2, refused: 0, passed: 0 })
    expect(sekisho.status('node-2').cni).toMatchObject({ added: 1, refused: 0, passed: 0 })
  })
})
