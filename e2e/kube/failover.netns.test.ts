import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { EpochMs } from '@sekisho/core'
import {
  type ClusterAccess,
  CONFIG_MAPS,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  PODS,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { openStore } from '@sekisho/store'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { podToken } from '../../packages/kube/test/pod-token.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { createProber, type Prober } from '../dataplane/prober.ts'
import { buildTopology, type Topology } from '../topology.ts'

const program = (name: string) => join(import.meta.dirname, `../../apps/${name}/src/main.ts`)
const PORT = 5432
/** Longer than a lease, the retries of whoever waits for it, and the pauses of an agent that finds nobody. */
const TAKEOVER = { timeout: 120_000, interval: 100 }

interface Replica {
  readonly child: ChildProcess
  readonly data: string
  readonly agentsPort: number
  readonly leads: boolean
}

/** Kills a program and waits for its end. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

/** One server of several, as a process. */
async function startReplica(data: string, kubeconfig: string): Promise<Replica> {
  mkdirSync(data)
  const nowhere = '127.0.0.1:0'
  const args = [
    '--data',
    data,
    '--kubeconfig',
    kubeconfig,
    '--elected',
    '--listen',
    nowhere,
    '--agents',
    nowhere,
  ]
  const child = spawn(process.execPath, [program('server'), ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const listening = Promise.withResolvers<number>()
  let leads = false
  createInterface({ input: child.stderr }).on('line', line => {
    const entry = JSON.parse(line) as { readonly message: string; readonly agents?: number }
    if (entry.message === 'leads') leads = true
    if (entry.message === 'listening') listening.resolve(entry.agents ?? 0)
  })
  child.once('exit', code => listening.reject(new Error(`the server ended with ${code}`)))
  return {
    child,
    data,
    agentsPort: await listening.promise,
    get leads() {
      return leads
    },
  }
}

/** A Service that knows nothing of who leads or lives: each connection goes to the next one. */
async function openService(ports: () => readonly number[]) {
  let next = 0
  const service = createServer(client => {
    const all = ports()
    const server = connect(all[next++ % all.length] ?? 0, '127.0.0.1')
    client.pipe(server).pipe(client)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
  })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  const { port } = service.address() as AddressInfo // it listens on TCP
  return { port, [Symbol.dispose]: () => void service.close() }
}

describeAsRoot('servers of a cluster, of which one is killed', () => {
  const resources = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-failover-'))
  let topology: Topology
  let prober: Prober
  let policies: KubeObjects
  let replicas: readonly Replica[]

  beforeAll(async () => {
    resources.defer(() => rmSync(directory, { recursive: true }))
    topology = resources.use(buildTopology({ prefix: `f${process.pid}`, pods: ['web', 'db', 'job'] }))
    prober = resources.use(createProber())
    prober.listen(topology.pod('db').netns, [PORT])
    const double = resources.use(await openApiServerDouble())
    const access: ClusterAccess = { server: double.url, credentials: { kind: 'none' }, namespace: 'sekisho' }
    const client = resources.use(openKubeClient({ access, userAgent: 'test/0', timers }))
    policies = new KubeObjects(client, SECURITY_POLICIES)
    await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name: 'shop' } })
    for (const [name, pod] of topology.pods)
      await new KubeObjects(client, PODS).create(
        { namespace: 'shop' },
        {
          metadata: { name, labels: { app: name } },
          spec: { nodeName: 'node-0', containers: [{ name: 'main', image: 'none' }] },
          status: { phase: 'Running', podIPs: pod.addresses.map(ip => ({ ip })) },
        },
      )
    await allow('web')

    const kubeconfig = join(directory, 'kubeconfig')
    const context = { cluster: 'test', user: 'test', namespace: 'sekisho' }
    writeFileSync(
      kubeconfig,
      stringify({
        'current-context': 'test',
        contexts: [{ name: 'test', context }],
        clusters: [{ name: 'test', cluster: { server: double.url.href } }],
        users: [{ name: 'test', user: {} }],
      }),
    )
    replicas = await Promise.all(['a', 'b'].map(name => startReplica(join(directory, name), kubeconfig)))
    resources.defer(async () => {
      for (const { child } of replicas) await end(child, 'SIGTERM')
    })
    const service = resources.use(await openService(() => replicas.map(({ agentsPort }) => agentsPort)))

    const [token, authority] = ['token', 'ca.pem'].map(name => join(directory, name))
    const place = {
      namespace: 'sekisho',
      account: 'sekisho-agent',
      node: 'node-0',
      audience: 'sekisho-server',
    }
    writeFileSync(token ?? '', await podToken(client, place))
    const map = await vi.waitFor(() =>
      new KubeObjects(client, CONFIG_MAPS).get({ namespace: 'sekisho', name: 'sekisho-authority' }),
    )
    writeFileSync(authority ?? '', (map.json.data as { 'ca.pem': string })['ca.pem'])
    const agent = spawn(
      process.execPath,
      [
        program('agent'),
        `--server=https://127.0.0.1:${service.port}`,
        `--join-service-account=${token}`,
        `--authority=${authority}`,
        `--state=${join(directory, 'agent')}`,
        '--node=node-0',
        `--netns=${topology.node}`,
        '--identify=off',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    resources.defer(() => end(agent, 'SIGTERM'))
  }, 120_000)
  afterAll(() => resources.disposeAsync(), 120_000)

  const allow = (...apps: readonly string[]) => {
    const from = apps.map(app => ({ podSelector: { matchLabels: { app } } }))
    const subject = { podSelector: { matchLabels: { app: 'db' } } }
    const spec = { mode: 'Enforce', subject, ingress: [{ from, ports: [{ port: PORT }] }] }
    return policies.apply({ namespace: 'shop', name: 'db' }, { spec }, { fieldManager: 'test' })
  }
  /** Whether `web` and `job` reach `db`. */
  const reached = (): readonly boolean[] => {
    const destination = topology.pod('db').addresses[0]
    return prober.send(
      ['web', 'job'].map(name => {
        const { netns, addresses } = topology.pod(name)
        return { from: netns, source: addresses[0], destination, protocol: 'TCP', port: PORT }
      }),
    )
  }

  test('its agent goes on with the other, enforces all the time, and loses no record', async () => {
    await vi.waitFor(() => expect(reached()).toEqual([true, false]), TAKEOVER)
    const [leader] = replicas.filter(({ leads }) => leads)
    const [standby] = replicas.filter(({ leads }) => !leads)
    if (!leader || !standby) throw new Error('one leads and one stands by')
    const killed = Date.now()
    await end(leader.child, 'SIGKILL')
    let probes = 0
    let lapses = 0
    await vi.waitFor(() => {
      // Until somebody leads again: what was denied stays so, what was allowed too.
      for (let i = 0; i < 5; i++, probes++) if (reached().join() !== 'true,false') lapses++
      expect(standby.leads).toBe(true)
    }, TAKEOVER)
    expect(lapses).toBe(0)
    expect(probes).toBeGreaterThan(20)
    // It follows the other one: a change reaches its kernel, and what was denied meanwhile that one's records.
    await allow('web', 'job')
    await vi.waitFor(() => expect(reached()).toEqual([true, true]), TAKEOVER)
    using store = openStore({ path: join(standby.data, 'sekisho.db'), clock: timers })
    await vi.waitFor(() => {
      const window = { since: (killed - 60_000) as EpochMs, until: (Date.now() + 60_000) as EpochMs }
      const { items } = store.records.flows({ window, limit: 100 })
      const denied = items.filter(({ outcome, source }) => outcome === 'denied' && source.key.includes('job'))
      expect(denied).not.toEqual([])
    }, TAKEOVER)
    process.stderr.write(`${probes} probes while nobody led\n`)
  })
})
