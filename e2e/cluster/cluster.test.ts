import { readFileSync } from 'node:fs'
import { KubeObjects, NETWORK_POLICIES, PODS } from '@sekisho/kube'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, isReady, openCluster } from './cluster.ts'
import { followElements } from './elements.ts'
import { eventually } from './eventually.ts'
import { finishedPod, makeNamespace, type Pod, reaches, SERVICES, sandboxTimes, startPod } from './pods.ts'
import { HERE, run } from './programs.ts'
import { installSekisho, type Sekisho } from './sekisho.ts'

const CHANGES = 100
const STARTS = 5
const SHOP = { namespace: 'shop' }
const PLACES = [
  ['web', 'node-1'],
  ['near', 'node-1'],
  ['far', 'node-2'],
] as const

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN

describe('a cluster of two nodes', () => {
  const resources = new AsyncDisposableStack()
  const pods = new Map<string, Pod>()
  let cluster: Cluster
  let sekisho: Sekisho
  let serviceIp: string
  let before: readonly number[]

  beforeAll(async () => {
    cluster = resources.use(await openCluster())
    await makeNamespace(cluster.client, SHOP.namespace)
    for (const [name, node] of PLACES)
      pods.set(name, await startPod(cluster, { ...SHOP, name, node, labels: { app: name, pod: name } }))
    const spec = { selector: { app: 'web' }, ports: [{ port: 8080, targetPort: 80 }] }
    const service = await objects(SERVICES).create(SHOP, { metadata: { name: 'web' }, spec })
    serviceIp = (service.json.spec as { readonly clusterIP: string }).clusterIP
    before = await startMany('before')
  })
  afterAll(() => resources.disposeAsync())

  const objects = (type: typeof PODS) => new KubeObjects(cluster.client, type)
  const pod = (name: string): Pod => {
    const found = pods.get(name)
    if (!found) throw new RangeError(`no pod ${name}`)
    return found
  }
  /** One after the other. @returns how long the runtime took for the sandbox of each, milliseconds. */
  const startMany = async (name: string): Promise<readonly number[]> => {
    for (let i = 0; i < STARTS; i++)
      await finishedPod(cluster, { ...SHOP, name: `${name}-${i}`, node: 'node-1', script: 'exit 0' })
    return sandboxTimes(cluster.node('node-1'), `${name}-`)
  }
  const relabel = (name: string, app: string) =>
    objects(PODS).apply(
      { ...SHOP, name },
      { metadata: { labels: { app } } },
      { fieldManager: 'test', force: true },
    )
  /** Who reaches the pod `web`, by its address and by its Service. */
  const everyoneReaches = (near: boolean, far: boolean) =>
    eventually(async () => {
      const all = (['near', 'far'] as const).flatMap(name => [
        reaches(pod(name), pod('web').ip),
        reaches(pod(name), serviceIp, 8080),
      ])
      expect(await Promise.all(all)).toEqual([near, near, far, far])
    })

  test('pods reach each other on one node and across two, and by a Service', () =>
    everyoneReaches(true, true))

  test('the chart installs a server, and an agent on each node', async () => {
    sekisho = resources.use(await installSekisho(cluster))
    await eventually(() => {
      for (const { plan } of cluster.nodes) expect(sekisho.status(plan.name).degraded).toEqual([])
    })
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
    await relabel('far', 'nobody')
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
    const connects = (to: string, seconds: number) => `nc -w ${seconds} ${pod(to).ip} 80 </dev/null`
    const first = (app: string, node: string, script: string) =>
      finishedPod(cluster, { ...SHOP, name: `${app}-${node}`, node, labels: { app }, script })
    const [closed, far, open] = await Promise.all([
      first('locked', 'node-1', connects('near', 2)),
      first('locked', 'node-2', connects('near', 2)),
      // Only a late answer could be missed: not the first packet's verdict, which stays.
      first('nobody', 'node-1', connects('web', 60)),
    ])
    expect({ closed, far, open }).toEqual({ closed: 1, far: 1, open: 0 })
    for (const { plan } of cluster.nodes) expect(sekisho.status(plan.name).cni).toMatchObject({ passed: 0 })
  })

  test('agents and server are replaced under traffic: nothing is cut, nothing is opened', async () => {
    // `far` is `nobody` by now.
    using allowed = pod('far').keepsTrying(pod('web').ip, 20)
    using denied = pod('near').keepsTrying(pod('web').ip, 1)
    const goesOn = async () => {
      const before = allowed.accepted
      const tried = denied.failed
      await eventually(() => {
        expect(allowed.accepted).toBeGreaterThan(before + 3)
        expect(denied.failed).toBeGreaterThan(tried)
      })
    }
    await goesOn()
    for (const { plan } of cluster.nodes) {
      await sekisho.replaceAgent(plan.name)
      await goesOn()
    }
    await sekisho.replaceServer()
    await goesOn()
    expect({ cut: allowed.failed, opened: denied.accepted }).toEqual({ cut: 0, opened: 0 })
  })

  test('a node is lost and comes back: the other goes on, and it catches up', async () => {
    const wire = (state: 'up' | 'down') => run(HERE, ['ip', 'link', 'set', 'node-2', state])
    wire('down')
    await eventually(() => expect(isReady(cluster.client, 'node-2')).resolves.toBe(false))
    await relabel('near', 'nobody')
    await eventually(async () => expect(await reaches(pod('near'), pod('web').ip)).toBe(true))
    const cut = { podSelector: { matchLabels: { pod: 'far' } }, policyTypes: ['Egress'] }
    await objects(NETWORK_POLICIES).apply({ ...SHOP, name: 'cut' }, { spec: cut }, { fieldManager: 'test' })
    wire('up')
    await eventually(() => expect(isReady(cluster.client, 'node-2')).resolves.toBe(true))
    await eventually(async () => {
      // From here, which shows that the wire is up; and the other way.
      run(HERE, ['busybox', 'nc', '-w', '2', pod('far').ip, '80'])
      expect(await reaches(pod('far'), pod('web').ip)).toBe(false)
    })
    await objects(NETWORK_POLICIES).remove({ ...SHOP, name: 'cut' })
    await eventually(async () => expect(await reaches(pod('far'), pod('web').ip)).toBe(true))
  })

  test('figures', async () => {
    const started = await startMany('after')
    using elements = followElements(cluster.node('node-1').place)
    const times: number[] = []
    for (let i = 0; i < CHANGES; i++) {
      const seen = elements.next(pod('far').ip)
      const since = performance.now()
      await relabel('far', i % 2 === 0 ? 'far' : 'nobody')
      times.push((await seen) - since)
    }
    const ms = (value: number | undefined) => `${value?.toFixed(1)} ms`
    const both = (values: readonly number[]) =>
      `p50 ${ms(percentile(values, 0.5))}, p99 ${ms(percentile(values, 0.99))}`
    const { addMs } = sekisho.status('node-1').cni ?? {}
    const lines = [
      `a label's change, from the call of the API to the kernel of the other node (${CHANGES}): ${both(times)}`,
      `a pod's sandbox without Sekisho (${STARTS}): ${both(before)}; with it: ${both(started)}`,
      `of which its network waited for the agent: p50 ${ms(addMs?.p50)}, p99 ${ms(addMs?.p99)}`,
    ]
    process.stderr.write(`${lines.join('\n')}\n`)
    expect(times).toHaveLength(CHANGES)
  })

  test('what it did to the nodes is undone', async () => {
    sekisho.remove()
    await eventually(() => {
      for (const node of cluster.nodes) {
        expect(readFileSync(node.path('/etc/cni/net.d/10-pods.conflist'), 'utf8')).not.toContain('sekisho')
        expect(run(node.place, ['nft', 'list', 'tables'])).not.toContain('sekisho')
      }
    })
    const script = `nc -w 60 ${pod('web').ip} 80 </dev/null`
    const plan = { ...SHOP, name: 'free', node: 'node-2', labels: { app: 'locked' }, script }
    expect(await finishedPod(cluster, plan)).toBe(0)
  })
})
