import { execFileSync } from 'node:child_process'
import { workloadId } from '@sekisho/core'
import { LOG_GROUP, MARK_MASK, openDataplane, readMark, TABLE_NAME } from '@sekisho/dataplane'
import { type LoggedPacket, openConntrack, openNetns, openNflog, openNftables } from '@sekisho/linux'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { describeAsRoot } from '../../packages/linux/test/privilege.ts'
import { connectPod } from '../topology.ts'
import { sendForged } from './forgery.ts'
import { networkPolicy, openTestNode, SHOP, systemClock, type TestNode, workloadOf } from './node.ts'
import { openStream } from './stream.ts'

const PORTS = [80, 443, 8080]
const FAMILIES = [4, 6] as const

const isolated = (app: string, policyTypes = ['Ingress', 'Egress']) =>
  networkPolicy(`isolate-${app}`, { podSelector: { matchLabels: { app } }, policyTypes })
const allow = (to: string, from: string, port: number) =>
  networkPolicy(`allow-${from}-to-${to}`, {
    podSelector: { matchLabels: { app: to } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: from } } }], ports: [{ port }] }],
  })

/** Runs nft in the node's namespace, for rules that are not ours. */
const nftInNode = (node: TestNode, commands: readonly string[]) =>
  execFileSync('ip', ['netns', 'exec', node.topology.node, 'nft', '-f', '-'], { input: commands.join('\n') })

const listed = (node: TestNode, what: readonly string[]) =>
  execFileSync('ip', ['netns', 'exec', node.topology.node, 'nft', 'list', ...what], { encoding: 'utf8' })

describeAsRoot('kernel', () => {
  let node: TestNode
  beforeEach(async () => {
    node = await openTestNode({
      prefix: `k${process.pid}`,
      pods: ['web', 'api', 'db', 'outside'],
      ports: PORTS,
    })
    await node.change({
      namespaces: { set: [SHOP] },
      workloads: { set: ['web', 'api', 'db'].map(name => workloadOf(node.topology.pod(name))) },
    })
  })
  afterEach(async () => {
    expect(node.errors).toEqual([])
    await node[Symbol.asyncDispose]()
  })

  test('nothing is denied without policies, and what is denied times out', async () => {
    expect(node.reaches('web', 'api')).toBe(true)
    await node.change({ policies: { set: [allow('api', 'db', 80)] } })
    for (const family of FAMILIES) {
      expect(node.reaches('web', 'api', { family })).toBe(false)
      expect(node.reaches('db', 'api', { family })).toBe(true)
      expect(node.reaches('db', 'api', { family, port: 443 })).toBe(false)
    }
  })

  test('a node always reaches its workloads; a workload reaches its node only if its egress allows', async () => {
    const { node: name, nodeAddresses } = node.topology
    for (const at of [0, 1] as const) {
      const toPod = {
        ...node.probe('web', 'api', { family: at === 0 ? 4 : 6 }),
        from: name,
        source: nodeAddresses[at],
      }
      const toNode = {
        ...node.probe('api', 'web', { family: at === 0 ? 4 : 6 }),
        destination: nodeAddresses[at],
      }
      await node.change({ policies: { set: [isolated('api')] } })
      expect(node.prober.send([toPod, toNode])).toEqual([true, false])
      await node.change({ policies: { removed: [isolated('api').id] } })
      expect(node.prober.send([toPod, toNode])).toEqual([true, true])
    }
  })

  test.each(FAMILIES)(
    'a live IPv%i connection is cut in both directions by a policy, and comes back',
    async family => {
      using stream = openStream(node.topology.pod('web'), node.topology.pod('api'), 9000, family)
      expect(stream.arrives('client')).toBe(true)
      await node.change({ policies: { set: [isolated('api', ['Ingress'])] } })
      // The server first: a download must stop without waiting for a packet of the client.
      expect(stream.isCut('server')).toBe(true)
      expect(stream.isCut('client')).toBe(true)
      await node.change({ policies: { removed: [isolated('api').id] } })
      expect(stream.arrives('server')).toBe(true)
      expect(stream.arrives('client')).toBe(true)
    },
  )

  test('a live connection follows labels and addresses of its peer', async () => {
    const web = workloadOf(node.topology.pod('web'))
    await node.change({ policies: { set: [allow('api', 'web', 9000)] } })
    using stream = openStream(node.topology.pod('web'), node.topology.pod('api'), 9000)
    expect(stream.arrives('server')).toBe(true)
    await node.change({ workloads: { set: [{ ...web, labels: { app: 'other' } }] } })
    expect(stream.isCut('server')).toBe(true)
    await node.change({ workloads: { set: [web] } })
    expect(stream.arrives('server')).toBe(true)
    await node.change({ workloads: { set: [{ ...web, addresses: ['10.66.0.99'], interface: 'other' }] } })
    expect(stream.isCut('client')).toBe(true)
  })

  test('an unrelated change disturbs no live connection, whichever end speaks first', async () => {
    await node.change({ policies: { set: [allow('api', 'web', 9000)] } })
    using stream = openStream(node.topology.pod('web'), node.topology.pod('api'), 9000)
    for (const speaker of ['server', 'client'] as const) {
      await node.change({ policies: { set: [isolated('db')] } })
      expect(stream.arrives(speaker)).toBe(true)
      await node.change({ policies: { removed: [isolated('db').id] } })
      expect(stream.arrives(speaker)).toBe(true)
    }
  })

  test('a service address is judged by where it leads', async () => {
    const [api] = node.topology.pod('api').addresses
    nftInNode(node, [
      'add table ip service',
      'add chain ip service pre { type nat hook prerouting priority dstnat; }',
      `add rule ip service pre ip daddr 10.96.0.1 tcp dport 8000 dnat to ${api}:80`,
    ])
    const service = { destination: '10.96.0.1', port: 8000 }
    await node.change({ policies: { set: [allow('api', 'web', 80)] } })
    expect(node.prober.send([node.probe('web', 'api', service), node.probe('db', 'api', service)])).toEqual([
      true,
      false,
    ])
  })

  test('audit lets pass, counts and reports', async () => {
    const logged: LoggedPacket[] = []
    using _log = openNflog({
      netns: node.topology.node,
      group: LOG_GROUP,
      onPackets: packets => void logged.push(...packets),
      onLost: count => expect(count).toBe(0),
    })
    const spec = { podSelector: { matchLabels: { app: 'api' } } }
    await node.change({ policies: { set: [networkPolicy('try', spec, 'Audit')] } })
    expect(node.reaches('web', 'api')).toBe(true)
    await vi.waitFor(() =>
      expect(logged.map(({ prefix }) => prefix.slice(0, 14))).toEqual(['sekisho:audit:']),
    )
    const { audit, audited, denied } = await node.dataplane.counters()
    expect([...audit].map(([id, { packets }]) => [id, packets])).toEqual([
      ['NetworkPolicy/shop/try#ingress', 1],
    ])
    expect([audited, denied]).toEqual([1, 0])
    await node.change({ policies: { set: [networkPolicy('try', spec)] } })
    expect(node.reaches('web', 'api')).toBe(false)
    await vi.waitFor(() => expect(logged.at(-1)?.prefix).toMatch(/^sekisho:deny:/))
  })

  test.each(FAMILIES)('an IPv%i edge that was allowed is judged again only after a change', async family => {
    await node.change({ policies: { set: [isolated('api'), allow('api', 'web', 80)] } })
    const reaches = () => node.reaches('web', 'api', { family })
    const judged = async () => {
      const { enforce } = await node.dataplane.counters()
      return [...enforce.values()].reduce((sum, { packets }) => sum + packets, 0)
    }
    expect([reaches(), reaches(), await judged()]).toEqual([true, true, 1])
    const others = [
      node.probe('web', 'api', { family, port: 443 }),
      node.probe('web', 'api', { family, protocol: 'UDP' }),
      node.probe('db', 'api', { family }),
      node.probe('api', 'web', { family }),
    ]
    expect(node.prober.send(others)).toEqual([false, false, false, false])
    await node.change({ policies: { removed: [allow('api', 'web', 80).id] } })
    expect(reaches()).toBe(false)
    await node.change({ policies: { set: [allow('api', 'web', 80)] } })
    const before = await judged()
    expect([reaches(), reaches(), (await judged()) - before]).toEqual([true, true, 1])
  })

  test('an edge that audit would deny is reported for each connection, and denied when it is enforced', async () => {
    const spec = { podSelector: { matchLabels: { app: 'api' } } }
    await node.change({ policies: { set: [isolated('db'), networkPolicy('try', spec, 'Audit')] } })
    expect([node.reaches('web', 'api'), node.reaches('web', 'api')]).toEqual([true, true])
    expect((await node.dataplane.counters()).audited).toBe(2)
    await node.change({ policies: { set: [networkPolicy('try', spec)] } })
    expect(node.reaches('web', 'api')).toBe(false)
  })

  test('a known edge leaves the marks of others and the class of traffic alone', async () => {
    nftInNode(node, [
      'add table inet other',
      'add counter inet other kept',
      'add chain inet other f { type filter hook forward priority -10; }',
      'add rule inet other f ct mark set ct mark & 0xfffff000 | 0xabc meta priority set 1:5',
      'add chain inet other g { type filter hook forward priority 10; }',
      'add rule inet other g tcp flags syn / syn,ack meta priority 1:5 ct mark & 0xfff == 0xabc counter name kept',
    ])
    await node.change({ policies: { set: [isolated('db'), allow('api', 'web', 80)] } })
    const kept = () =>
      Number(/packets (\d+)/.exec(listed(node, ['counter', 'inet', 'other', 'kept']))?.[1] ?? Number.NaN)
    expect(node.reaches('web', 'api')).toBe(true)
    const first = kept()
    expect(node.reaches('web', 'api')).toBe(true)
    expect(kept()).toBe(first + 1)
  })

  test('a forged source is dropped before it can speak for another', async () => {
    const [api, db] = [node.topology.pod('api'), node.topology.pod('db')]
    using web = openNetns(node.topology.pod('web').netns)
    const forged = () => sendForged(web, { source: db.addresses[0], destination: api.addresses[0], port: 80 })
    expect(node.reaches('db', 'api', { protocol: 'UDP' })).toBe(true)
    forged()
    expect((await node.dataplane.counters()).spoofed.packets).toBe(1)
  })

  test('an interface made anew is held to its addresses by its name', async () => {
    const [api, db] = [node.topology.pod('api'), node.topology.pod('db')]
    using web = openNetns(node.topology.pod('web').netns)
    const forged = () => sendForged(web, { source: db.addresses[0], destination: api.addresses[0], port: 80 })
    execFileSync('ip', ['-n', node.topology.node, 'link', 'delete', db.interface])
    connectPod(node.topology.node, { ...db, interfaceIndex: 900 }, 'routed')
    for (const family of FAMILIES) expect(node.reaches('db', 'api', { family })).toBe(true)
    const { spoofed } = await node.dataplane.counters()
    forged()
    expect((await node.dataplane.counters()).spoofed.packets).toBe(spoofed.packets + 1)
  })

  test('a node whose pods outgrow the room of its sets is judged, and held to its addresses, as before', async () => {
    const [api, db] = [node.topology.pod('api'), node.topology.pod('db')]
    using web = openNetns(node.topology.pod('web').netns)
    const crowd = (count: number, subnet: number) =>
      Array.from({ length: count }, (_, at) =>
        workloadOf(db, {
          id: workloadId('pod', 'shop', `crowd-${at}`),
          interface: `crowd${at}`,
          addresses: [`10.${subnet}.${at >> 8}.${at & 255}`],
          labels: {},
        }),
      )
    const forgeries = async () => (await node.dataplane.counters()).spoofed.packets
    const holds = async () => {
      expect([node.reaches('web', 'api'), node.reaches('db', 'api')]).toEqual([false, true])
      const before = await forgeries()
      sendForged(web, { source: db.addresses[0], destination: api.addresses[0], port: 80 })
      expect(await forgeries()).toBe(before + 1)
    }
    await node.change({ policies: { set: [allow('api', 'db', 80)] }, workloads: { set: crowd(1_000, 200) } })
    expect(node.dataplane.stats).toMatchObject({ programErrors: 0, rebuilds: 1 })
    await holds()
    // Some kernels count those that go until they are gone, and refuse as many others beside them.
    await node.change({ workloads: { set: crowd(1_000, 201) } })
    expect(node.errors.splice(0).length).toBe(node.dataplane.stats.rebuilds - 1)
    await holds()
    const { programErrors, rebuilds } = node.dataplane.stats
    await node.change({ workloads: { set: crowd(3_000, 202) } })
    expect(node.dataplane.stats).toMatchObject({ programErrors, rebuilds: rebuilds + 1 })
    await holds()
  })

  test('marks of others stay, and traffic without a workload is not marked', async () => {
    nftInNode(node, [
      'add table inet other',
      'add chain inet other f { type filter hook forward priority -10; }',
      'add rule inet other f ct mark set 0xabc',
    ])
    using conntrack = openConntrack({
      netns: node.topology.node,
      onEvent: () => undefined,
      onLost: () => undefined,
    })
    await node.change({ policies: { set: [allow('api', 'web', 9000)] } })
    using _stream = openStream(node.topology.pod('web'), node.topology.pod('api'), 9000)
    const judged = (await conntrack.dump()).filter(({ reply }) => reply.sourcePort === 9000)
    expect(judged.map(({ mark }) => mark & ~MARK_MASK)).toEqual([0xabc])
    expect(judged.map(({ mark }) => readMark(mark)?.verdict)).toEqual(['allowed'])
    const toNode = {
      ...node.probe('outside', 'api', { protocol: 'UDP' }),
      destination: node.topology.nodeAddresses[0],
    }
    expect(node.prober.send([toNode])).toEqual([true])
    const foreign = (await conntrack.dump()).filter(({ reply }) => reply.source === toNode.destination)
    expect(foreign.map(({ mark }) => readMark(mark))).toEqual([undefined])
  })

  test('a mark whose generation comes again is not there any more by then', async () => {
    using conntrack = openConntrack({
      netns: node.topology.node,
      groups: [],
      onEvent: () => undefined,
      onLost: () => undefined,
    })
    const marks = async () =>
      (await conntrack.dump()).filter(({ reply }) => reply.sourcePort === 9000).map(({ mark }) => mark)
    await node.change({ policies: { set: [allow('api', 'web', 9000)] } })
    using stream = openStream(node.topology.pod('web'), node.topology.pod('api'), 9000)
    // Half of a turn before its numbers come again, and another program's bits.
    const generation = 2 ** 15 - 2
    const options = { nft: node.nft, clock: systemClock, generation, connections: conntrack }
    const dataplane = openDataplane(options)
    await dataplane.sync(node.compiler.table)
    expect(stream.arrives('client')).toBe(true)
    const [entry] = (await conntrack.dump()).filter(({ reply }) => reply.sourcePort === 9000)
    if (entry) conntrack.setMark(entry, 0xabc, ~MARK_MASK)
    expect((await marks()).map(readMark)).toEqual([{ verdict: 'allowed', generation: 2 ** 15 - 1 }])
    await dataplane.sync(node.compiler.table)
    expect(await marks()).toEqual([0xabc])
    expect(stream.arrives('server')).toBe(true)
    expect((await marks()).map(readMark)).toEqual([{ verdict: 'allowed', generation: 2 ** 15 }])
  })

  test('rules stay when the process that made them is gone, until they are uninstalled', async () => {
    await node.change({ policies: { set: [isolated('api')] } })
    await node.dataplane.uninstall()
    expect(node.nft.tableExists(TABLE_NAME)).toBe(false)
    expect(node.reaches('web', 'api')).toBe(true)
    {
      await using nft = openNftables({ netns: node.topology.node })
      await openDataplane({ nft, clock: systemClock }).sync(node.compiler.table)
    }
    expect(node.reaches('web', 'api')).toBe(false)
    await node.dataplane.uninstall()
    expect(node.nft.tableExists(TABLE_NAME)).toBe(false)
  })

  test('a table that somebody changed is built anew by the next change that notices', async () => {
    await node.change({ policies: { set: [allow('api', 'web', 80)] } })
    expect(node.reaches('web', 'api')).toBe(true)
    nftInNode(node, ['delete table inet sekisho'])
    expect(node.reaches('db', 'api')).toBe(true)
    await node.change({ policies: { set: [isolated('db')] } })
    expect(node.errors.splice(0)).toHaveLength(1)
    expect(node.dataplane.stats).toMatchObject({ programErrors: 1, rebuilds: 2 })
    expect([node.reaches('web', 'api'), node.reaches('db', 'api')]).toEqual([true, false])
  })
})
