import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ClusterAccess,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  PODS,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { createProber, type Prober } from '../dataplane/prober.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { startFor } from './cluster.ts'

const AGENT = join(import.meta.dirname, '../../apps/agent/src/main.ts')
const [OPEN, OTHER] = [5432, 6000]

describeAsRoot('policies of a cluster in the kernel of its node', () => {
  const resources = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-enforcement-'))
  let topology: Topology
  let prober: Prober
  let pods: KubeObjects
  let policies: KubeObjects
  let agent: ChildProcess

  beforeAll(async () => {
    topology = resources.use(buildTopology({ prefix: `k${process.pid}`, pods: ['web', 'db', 'job'] }))
    prober = resources.use(createProber())
    prober.listen(topology.pod('db').netns, [OPEN, OTHER])
    const double = resources.use(await openApiServerDouble())
    const access: ClusterAccess = { server: double.url, credentials: { kind: 'none' }, namespace: 'sekisho' }
    const client = resources.use(openKubeClient({ access, userAgent: 'test/0', timers }))
    pods = new KubeObjects(client, PODS)
    policies = new KubeObjects(client, SECURITY_POLICIES)
    await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name: 'shop' } })
    for (const name of ['web', 'db', 'job'])
      await pods.create({ namespace: 'shop' }, podOf(name, { app: name }))
    const server = resources.use(await startFor(access, directory))
    agent = spawn(
      process.execPath,
      [
        AGENT,
        `--server=https://127.0.0.1:${server.agentsPort}`,
        `--state=${join(directory, 'agent')}`,
        // No source of workloads: what this node has is what the cluster says.
        '--node=node-0',
        `--netns=${topology.node}`,
        '--identify=off',
      ],
      { stdio: 'ignore', env: { ...process.env, SEKISHO_JOIN_TOKEN: server.joinToken() } },
    )
  }, 120_000)
  afterAll(async () => {
    if (agent && agent.exitCode === null) {
      agent.kill('SIGTERM')
      await once(agent, 'exit')
    }
    await resources.disposeAsync()
    rmSync(directory, { recursive: true })
  })

  const podOf = (name: string, labels: Readonly<Record<string, string>>) => ({
    metadata: { name, labels },
    spec: { nodeName: 'node-0', containers: [{ name: 'main', image: 'none' }] },
    status: { phase: 'Running', podIPs: topology.pod(name).addresses.map(ip => ({ ip })) },
  })
  const reaches = (from: string, port: number, family: 0 | 1): boolean => {
    const [source, destination] = [topology.pod(from), topology.pod('db')]
    const [reached] = prober.send([
      {
        from: source.netns,
        source: source.addresses[family],
        destination: destination.addresses[family],
        protocol: 'TCP',
        port,
      },
    ])
    return reached === true
  }
  const everywhere = (from: string, port: number, expected: boolean) =>
    vi.waitFor(() =>
      expect(([0, 1] as const).map(family => reaches(from, port, family))).toEqual([expected, expected]),
    )

  test('a policy, a label and a deletion reach the kernel, both families', async () => {
    await everywhere('job', OPEN, true)
    const ingress = [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: OPEN }] }]
    const subject = { podSelector: { matchLabels: { app: 'db' } } }
    const spec = { mode: 'Enforce', subject, ingress }
    await policies.create({ namespace: 'shop' }, { metadata: { name: 'db' }, spec })
    await everywhere('job', OPEN, false)
    await everywhere('web', OTHER, false)
    await everywhere('web', OPEN, true)

    await pods.replace({ namespace: 'shop', name: 'job' }, podOf('job', { app: 'web' }))
    await everywhere('job', OPEN, true)
    await everywhere('job', OTHER, false)

    await policies.remove({ namespace: 'shop', name: 'db' })
    await everywhere('web', OTHER, true)
  })

  test('the cluster is told that the node has it in its kernel', async () => {
    const spec = { mode: 'Enforce', subject: {}, ingress: [{}] }
    await policies.create({ namespace: 'shop' }, { metadata: { name: 'told' }, spec })
    await vi.waitFor(async () => {
      const { json } = await policies.get({ namespace: 'shop', name: 'told' })
      expect(json.status).toMatchObject({
        workloads: 3,
        nodes: { desired: 1, programmed: 1 },
        conditions: [
          { type: 'Accepted', status: 'True' },
          { type: 'Programmed', status: 'True' },
          { type: 'Ready', status: 'True' },
        ],
      })
    })
  })
})
