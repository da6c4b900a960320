import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StateSnapshot } from '@sekisho/core'
import type { KubeObjects } from '@sekisho/kube'
import { setSysctl } from '@sekisho/linux'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { askStatus } from '../../apps/agent/src/report/endpoint.ts'
import type { LocalStatus } from '../../apps/agent/src/report/exposition.ts'
import type { Prober } from '../dataplane/prober.ts'
import { connectPod, type Pod, type Shape, type Topology } from '../topology.ts'
import { type ClusterNode, openClusterNode } from './node.ts'

const [OPEN, OTHER] = [5432, 6000]
const NAMES = ['web', 'db', 'job'] as const
type Name = (typeof NAMES)[number]
const FAMILIES = [0, 1] as const
/** For agents that start, on a machine that does much else. */
const LONG = { timeout: 180_000, interval: 50 }
const twice = (value: boolean) => [value, value]

for (const shape of ['routed', 'bridged'] as const satisfies readonly Shape[]) {
  describeAsRoot(`pods of a node whose plugin is ${shape}`, { timeout: 600_000 }, () => {
    const resources = new AsyncDisposableStack()
    let topology: Topology
    let prober: Prober
    let pods: KubeObjects
    let policies: KubeObjects
    let node: ClusterNode
    let agent: ChildProcess | undefined

    beforeAll(async () => {
      node = await openClusterNode(resources, {
        prefix: `p${process.pid}${shape[0]}`,
        pods: NAMES,
        shape,
      })
      ;({ topology, prober, pods, policies } = node)
      for (const key of shape === 'bridged' ? ['iptables', 'ip6tables'] : [])
        setSysctl(topology.node, `net.bridge.bridge-nf-call-${key}`, 1)
      prober.listen(topology.pod('db').netns, [OPEN, OTHER])
      prober.listen(topology.node, [OPEN])
    }, 120_000)
    afterAll(() => resources.disposeAsync())

    const podOf = (name: Name, labels: Readonly<Record<string, string>>) => node.podOf(name, labels)
    function startAgent(): void {
      agent = node.startAgent()
    }
    async function stopAgent(): Promise<void> {
      if (!agent || agent.exitCode !== null) return
      agent.kill('SIGTERM')
      await once(agent, 'exit')
    }
    const status = async () => {
      const { server: link, ...rest } = JSON.parse(
        await askStatus(join(node.directory, 'agent', 'agent.sock')),
      ) as LocalStatus
      return { ...rest, connected: link.connected }
    }

    const keptLabels = (name: Name): unknown => {
      const kept = JSON.parse(
        readFileSync(join(node.directory, 'agent', 'last-state.json'), 'utf8'),
      ) as StateSnapshot
      return kept.workloads.find(workload => workload.name === name)?.labels
    }

    /** Each family's answer to a packet from one pod, under its own name or another's. */
    const send = (from: Name, protocol: 'TCP' | 'UDP', port: number, as: Name = from) =>
      prober.send(
        FAMILIES.map(family => ({
          from: topology.pod(from).netns,
          source: topology.pod(as).addresses[family],
          destination: topology.pod('db').addresses[family],
          protocol,
          port,
        })),
      )
    const arrives = (from: Name, port: number, expected: boolean) =>
      vi.waitFor(() => expect(send(from, 'TCP', port)).toEqual(twice(expected)), LONG)
    const ip = (netns: string, ...lines: readonly string[]) =>
      execFileSync('ip', ['-n', netns, '-batch', '-'], { input: lines.join('\n') })
    /** Gives a namespace another's addresses, as whoever may configure his own network can. */
    const impersonate = (thief: Name, victim: Name) => {
      const [ip4, ip6] = topology.pod(victim).addresses
      ip(topology.pod(thief).netns, `addr add ${ip4}/32 dev lo`, `addr add ${ip6}/128 dev lo nodad`)
    }

    test('without an agent whoever says he is another is believed', async () => {
      impersonate('job', 'web')
      // With its own address first: its way out is looked for by that.
      expect(send('job', 'UDP', OPEN)).toEqual(twice(true))
      await vi.waitFor(() => expect(send('job', 'UDP', OPEN, 'web')).toEqual(twice(true)))
    })

    test('policies are enforced, both families, and nothing is said to be amiss', async () => {
      startAgent()
      const ingress = [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }]
      const subject = { podSelector: { matchLabels: { app: 'db' } } }
      const spec = { mode: 'Enforce', subject, ingress }
      await policies.create({ namespace: 'shop' }, { metadata: { name: 'db' }, spec })
      await arrives('job', OPEN, false)
      await arrives('web', OPEN, true)
      await vi.waitFor(async () => expect(await status()).toMatchObject({ workloads: 3, degraded: [] }), LONG)
    })

    test.runIf(shape === 'routed')('an interface that is made anew is known by its new index', async () => {
      const web = topology.pod('web')
      // `nft` names an index where there is such a link.
      const isKnown = () =>
        vi.waitFor(
          () =>
            expect(
              execFileSync(
                'ip',
                ['netns', 'exec', topology.node, 'nft', 'list', 'map', 'inet', 'sekisho', 'own_4'],
                { encoding: 'utf8' },
              ),
            ).toContain(`"${web.interface}" . ${web.addresses[0]} : accept`),
          LONG,
        )
      await isKnown()
      ip(topology.node, `link delete ${web.interface}`)
      connectPod(topology.node, { ...web, interfaceIndex: 901 }, shape)
      await isKnown()
    })

    test('who sends from another’s address is not heard', async () => {
      await vi.waitFor(() => expect(send('job', 'UDP', OPEN, 'web')).toEqual(twice(false)))
      expect(send('web', 'UDP', OPEN)).toEqual(twice(true))
    })

    test('a pod that comes again with the same address and another interface is what it is now', async () => {
      const job = topology.pod('job')
      await pods.remove({ namespace: 'shop', name: 'job' })
      ip(topology.node, `link delete ${job.interface}`)
      const again: Pod = { ...job, interface: 'podnew' }
      connectPod(topology.node, again, shape)
      await pods.create({ namespace: 'shop' }, podOf('job', { app: 'web' }))
      await arrives('job', OTHER, true)
      await pods.replace({ namespace: 'shop', name: 'job' }, podOf('job', { app: 'job' }))
      await arrives('job', OTHER, false)
      await vi.waitFor(async () => expect((await status()).degraded).toEqual([]), LONG)
      expect(send('job', 'UDP', OPEN, 'web')).toEqual(twice(false))
    })

    test.each(['SIGTERM', 'SIGKILL'] as const)(
      'an agent takes over from one that went by %s',
      async signal => {
        const before = agent
        const gone = before && once(before, 'exit')
        const ask = () => [
          ...send('web', 'TCP', OPEN),
          ...send('job', 'TCP', OPEN),
          ...send('job', 'UDP', OPEN, 'web'),
        ]
        const expected = [true, true, false, false, false, false]
        expect(ask()).toEqual(expected)
        // Who is killed may have kept a state that is a second old; what is asked here is older.
        if (signal === 'SIGKILL') await vi.waitFor(() => expect(keptLabels('job')).toEqual({ app: 'job' }))
        before?.kill(signal)
        await gone
        startAgent()
        const started = performance.now()
        // Asked all the time: while nobody is there, while the new one comes, and when it follows changes again.
        for (let isFollowing = false; !isFollowing; ) {
          expect(ask()).toEqual(expected)
          isFollowing = await status().then(
            ({ enforcing, workloads, connected }) => enforcing && workloads === 3 && connected,
            () => false,
          )
          if (performance.now() - started > LONG.timeout) throw new Error('the new agent does not come')
        }
        await pods.replace({ namespace: 'shop', name: 'job' }, podOf('job', { app: 'web' }))
        await arrives('job', OPEN, true)
        await pods.replace({ namespace: 'shop', name: 'job' }, podOf('job', { app: 'job' }))
        await arrives('job', OPEN, false)
      },
    )

    test.runIf(shape === 'routed')(
      'an address that moves while nobody follows is cut off, not open',
      async () => {
        const job = topology.pod('job')
        prober.listen(job.netns, [OPEN])
        const toJob = () =>
          prober.send(
            FAMILIES.map(family => ({
              from: topology.pod('db').netns,
              source: topology.pod('db').addresses[family],
              destination: job.addresses[family],
              protocol: 'TCP',
              port: OPEN,
            })),
          )
        expect(toJob()).toEqual(twice(true))
        await stopAgent()
        ip(topology.node, 'link delete podnew')
        connectPod(topology.node, { ...job, interface: 'podthird' }, shape)
        expect(toJob()).toEqual(twice(false))
        startAgent()
        await vi.waitFor(() => expect(toJob()).toEqual(twice(true)), LONG)
        await arrives('job', OPEN, false)
      },
    )

    test('the node always reaches its pods, and what shares its network is the node', async () => {
      await pods.create(
        { namespace: 'shop' },
        {
          metadata: { name: 'proxy', labels: { app: 'db' } },
          spec: { nodeName: 'node-0', hostNetwork: true, containers: [{ name: 'main', image: 'none' }] },
          status: { phase: 'Running', podIPs: topology.nodeAddresses.map(address => ({ ip: address })) },
        },
      )
      await vi.waitFor(() =>
        expect(node.server.store.records.inventory().workloads.map(({ name }) => name)).toContain('proxy'),
      )
      const toPod = FAMILIES.map(family => ({
        from: topology.node,
        source: topology.nodeAddresses[family],
        destination: topology.pod('db').addresses[family],
        protocol: 'TCP' as const,
        port: OTHER,
      }))
      const toNode = FAMILIES.map(family => ({
        from: topology.pod('job').netns,
        source: topology.pod('job').addresses[family],
        destination: topology.nodeAddresses[family],
        protocol: 'TCP' as const,
        port: OPEN,
      }))
      expect(prober.send(toPod), 'a probe of the kubelet').toEqual(twice(true))
      expect(prober.send(toNode), 'the policy of db is none of the host’s').toEqual(twice(true))
      await arrives('job', OTHER, false)
    })

    test('what cannot be held to its address is said', async () => {
      const [ip4] = topology.pod('job').addresses
      if (shape === 'routed') ip(topology.node, `route replace ${ip4}/32 dev pod0`)
      else ip(topology.pod('web').netns, `addr add ${ip4}/32 dev eth0`)
      await vi.waitFor(async () =>
        expect((await status()).degraded).toEqual([expect.stringMatching(/^1 workload \(pod:shop\/job\): /)]),
      )
    })
  })
}
