import { execFileSync } from 'node:child_process'
import { openConntrack, openNetns } from '@sekisho/linux'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeAsRoot } from '../../packages/linux/test/privilege.ts'
import { forgeryArrives } from './forgery.ts'
import { isHeard, type Message, portUnreachable } from './intruder.ts'
import { networkPolicy, openTestNode, SHOP, type TestNode, workloadOf } from './node.ts'
import { openStream } from './stream.ts'

const FAMILIES = [4, 6] as const
const isolated = (app: string) =>
  networkPolicy(`isolate-${app}`, {
    podSelector: { matchLabels: { app } },
    policyTypes: ['Ingress', 'Egress'],
  })
const allow = (to: string, from: string, port: number) =>
  networkPolicy(`allow-${from}-to-${to}`, {
    podSelector: { matchLabels: { app: to } },
    ingress: [
      {
        from: [{ podSelector: { matchLabels: { app: from } } }],
        ports: [
          { port, protocol: 'TCP' },
          { port, protocol: 'UDP' },
        ],
      },
    ],
  })

/** What a compromised workload tries with raw sockets, each against the kernel itself. */
describeAsRoot('attacks on the kernel path', () => {
  let node: TestNode
  const pod = (name: string) => node.topology.pod(name)
  beforeEach(async () => {
    node = await openTestNode({
      prefix: `a${process.pid}`,
      pods: ['web', 'api', 'db', 'outside'],
      ports: [8080],
    })
    await node.change({
      namespaces: { set: [SHOP] },
      workloads: { set: ['web', 'api', 'db'].map(name => workloadOf(pod(name))) },
    })
  })
  afterEach(async () => {
    expect(node.errors).toEqual([])
    await node[Symbol.asyncDispose]()
  })
  /** Without policies it must be heard, or the test would prove nothing; then `web` is cut off. */
  async function expectCut(message: Omit<Message, 'from' | 'to'>): Promise<void> {
    const ends = { from: pod('web'), to: pod('api') }
    expect(isHeard({ ...ends, ...message })).toBe(true)
    await node.change({ policies: { set: [isolated('web')] } })
    expect(isHeard({ ...ends, ...message })).toBe(false)
    await node.change({ policies: { removed: [isolated('web').id], set: [isolated('api')] } })
    expect(isHeard({ ...ends, ...message })).toBe(false)
    await node.change({ policies: { removed: [isolated('api').id] } })
  }

  test.each([130, 131, 132, 143])(
    'ICMPv6 type %i from beyond the link is no multicast listener message',
    async type => expectCut({ family: 6, hopLimit: 2, head: [type, 0, 0, 0, 0, 0, 0, 0] }),
  )

  test.each([133, 134, 135, 136, 137])('ICMPv6 type %i that was forwarded is no neighbour discovery', type =>
    expectCut({ family: 6, hopLimit: 255, head: [type, 0, 0, 0, 0, 0, 0, 0] }),
  )

  test.each<[string, Omit<Message, 'from' | 'to'>]>([
    ['an echo reply nobody asked for', { family: 4, head: [0, 0, 0, 0, 1, 2, 3, 4] }],
    ['an ICMPv6 echo reply nobody asked for', { family: 6, head: [129, 0, 0, 0, 1, 2, 3, 4] }],
    ['an ICMP type without a meaning', { family: 4, head: [200, 0, 0, 0, 0, 0, 0, 0] }],
    ['GRE', { family: 4, protocol: 47, head: [0, 0, 8, 0] }],
    ['ESP', { family: 6, protocol: 50, head: [0, 0, 0, 1, 0, 0, 0, 1] }],
    ['IPv6 options before nothing', { family: 6, protocol: 60, head: [59, 0, 1, 4, 0, 0, 0, 0] }],
    ['IPv6 without a next header', { family: 6, protocol: 59, head: [] }],
    ['IPv6 within IPv4', { family: 4, protocol: 41, head: [0x60, 0, 0, 0] }],
    ['an unassigned protocol', { family: 6, protocol: 200, head: [] }],
  ])('%s does not pass an isolated workload, known by interface or by address', async (_name, message) => {
    await expectCut(message)
    const byAddress = ['web', 'api'].map(name => {
      const { interface: _none, ...workload } = workloadOf(pod(name))
      return workload
    })
    await node.change({ workloads: { set: byAddress } })
    await expectCut(message)
  })

  test.each(FAMILIES)('IPv%i errors carry nothing for a connection that is denied', async family => {
    const [client, server] = [pod('web'), pod('api')]
    using stream = openStream(client, server, 9000, family)
    using conntrack = openConntrack({
      netns: node.topology.node,
      onEvent: () => undefined,
      onLost: () => undefined,
    })
    const entry = (await conntrack.dump()).find(({ reply }) => reply.sourcePort === 9000)
    if (!entry) throw new Error('no such connection')
    const { source, sourcePort, destination } = entry.original
    const error = {
      from: client,
      to: server,
      family,
      head: portUnreachable(destination, 9000, source, sourcePort),
    }
    expect(isHeard(error)).toBe(true)
    await node.change({ policies: { set: [isolated('api')] } })
    expect(isHeard(error)).toBe(false)
    expect(stream.isCut('client')).toBe(true)
    expect(isHeard(error)).toBe(false)
    await node.change({ policies: { removed: [isolated('api').id] } })
    expect(stream.arrives('server')).toBe(true)
    expect(isHeard(error)).toBe(true)
  })

  /** Connections are forgotten: they expire, others flush them. */
  test.each(FAMILIES)(
    'an IPv%i connection that was cut does not come back from its other side',
    async family => {
      using stream = openStream(pod('web'), pod('api'), 9000, family)
      const ingress = networkPolicy('closed', { podSelector: { matchLabels: { app: 'api' } } })
      await node.change({ policies: { set: [ingress] } })
      expect(stream.isCut('server')).toBe(true)
      execFileSync('ip', ['netns', 'exec', node.topology.node, 'conntrack', '-F'], { stdio: 'ignore' })
      expect(stream.isCut('server')).toBe(true)
      expect(stream.isCut('client')).toBe(true)
      await node.change({ policies: { removed: [ingress.id] } })
      expect(stream.arrives('server')).toBe(true)
    },
  )

  test('whoever is no workload cannot take the address of one', async () => {
    await node.change({ policies: { set: [allow('api', 'db', 80)] } })
    using outside = openNetns(pod('outside').netns)
    using db = openNetns(pod('db').netns)
    const [[api], [own]] = [pod('api').addresses, pod('db').addresses]
    using apiNetns = openNetns(pod('api').netns)
    const arrives = (from: typeof outside, source: string) =>
      forgeryArrives({ from, to: apiNetns, source, destination: api, port: 80 })
    expect(arrives(db, own)).toBe(true)
    expect(arrives(outside, own)).toBe(false)
    expect(arrives(outside, api)).toBe(false)
  })

  test('a connection that another one announced is judged for itself', async () => {
    execFileSync('ip', ['netns', 'exec', node.topology.node, 'nft', '-f', '-'], {
      input: `table inet other {
        ct expectation data { protocol tcp; dport 8080; timeout 1m; size 12; l3proto ip; }
        chain f { type filter hook forward priority 10; tcp dport 9000 ct expectation set "data"; }
      }`,
    })
    // It expects a connection back, from the answerer to the asker.
    await node.change({ policies: { set: [allow('api', 'web', 9000), allow('web', 'db', 8080)] } })
    using stream = openStream(pod('web'), pod('api'), 9000)
    expect(stream.arrives('client')).toBe(true)
    expect(node.reaches('api', 'web', { port: 8080 })).toBe(false)
    await node.change({ policies: { removed: [allow('web', 'db', 8080).id] } })
    expect(node.reaches('api', 'web', { port: 8080 })).toBe(true)
  })
})
