import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Told } from '@sekisho/dataplane'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, parsePolicies } from '@sekisho/policy'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { createProber, type Prober } from '../dataplane/prober.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'

const run = promisify(execFile)
const PROBED = 5_000
const DATAGRAMS = 6_000
/** Prints the length of each datagram, and its first letters. */
const DATAGRAM_LISTENER = `
const socket = require('node:dgram').createSocket({ type: 'udp6' })
socket.on('message', bytes => console.log(bytes.length, bytes.toString('latin1', 0, 8)))
socket.bind(${DATAGRAMS}, '::', () => console.log('listening'))
`

const policy = (ingress: string) => `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: api, namespace: shop }
spec:
  subject: { podSelector: { matchLabels: { app: api } } }
  mode: Enforce
  ingress: [${ingress}]
---
apiVersion: sekisho.dev/v1alpha1
kind: Application
metadata: { name: acme-orders }
spec:
  transport: UDP
  client: [{ text: ORD1 }]
`

describeAsRoot('rules about applications, and what is spoken over no TCP', () => {
  let topology: Topology
  let inspected: InspectedNode | undefined
  let prober: Prober
  const servers: ChildProcess[] = []
  const heard = { stream: '', datagrams: '' }
  const notices: Told['notice'][] = []
  const model = createModel()

  async function apply(ingress: string): Promise<void> {
    const read = parsePolicies(policy(ingress))
    if (!read.ok) throw new TypeError(JSON.stringify(read.error))
    const change = { policies: { set: read.value } }
    if (!inspected) return void model.update(change)
    await inspected.change(change)
  }

  function listen(what: keyof typeof heard, ...program: readonly string[]): void {
    const server = spawn('ip', ['netns', 'exec', topology.pod('api').netns, process.execPath, ...program])
    server.stdout.on('data', (chunk: Buffer) => {
      heard[what] += chunk.toString()
    })
    servers.push(server)
  }

  beforeAll(async () => {
    topology = buildTopology({ prefix: `ip${process.pid}`, pods: ['web', 'api'] })
    listen('stream', join(import.meta.dirname, 'listener.ts'))
    listen('datagrams', '-e', DATAGRAM_LISTENER)
    prober = createProber()
    prober.listen(topology.pod('api').netns, [PROBED])
    for (const text of ['stream', 'datagrams'] as const)
      await vi.waitFor(() => expect(heard[text]).toContain('listening'))
    const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
    model.update({ namespaces: { set: [SHOP] }, workloads: { set: workloads } })
    await apply('{ applications: [redis] }')
    inspected = await inspectForwarded(topology.node, model, {
      onTold: told => notices.push(...told.map(({ notice }) => notice)),
      onRequests: () => undefined,
      onLost: () => undefined,
      onFailed: error => expect.fail(error.message),
    })
  })
  afterAll(async () => {
    await inspected?.[Symbol.asyncDispose]()
    prober?.[Symbol.dispose]()
    for (const server of servers) server.kill()
    topology?.[Symbol.dispose]()
  })

  /** Over IPv4 and IPv6. */
  const arrives = (protocol: 'UDP' | 'TCP' | 'SCTP' | 'ICMP') => {
    const [web, api] = [topology.pod('web'), topology.pod('api')]
    return prober.send(
      ([0, 1] as const).map(family => ({
        from: web.netns,
        source: web.addresses[family],
        destination: api.addresses[family],
        protocol: protocol === 'ICMP' && family === 1 ? 'ICMPv6' : protocol,
        port: PROBED,
      })),
    )
  }
  const inWeb = (script: string) =>
    run('ip', ['netns', 'exec', topology.pod('web').netns, 'bash', '-c', script]).catch(() => undefined)
  const say = (text: string) =>
    inWeb(
      `exec 3<>/dev/tcp/${topology.pod('api').addresses[0]}/80; printf '${text}' >&3; read -t 1 -u 3 line; exec 3>&-`,
    )

  test('an application of streams is no way for other protocols', async () => {
    await say('*1\\r\\n$4\\r\\nPING\\r\\n')
    await vi.waitFor(() => expect(heard.stream).toContain('PING'))
    await say('GET /secret HTTP/1.1\\r\\nHost: api\\r\\n\\r\\n')
    await vi.waitFor(() => expect(notices.map(({ kind }) => kind)).toContain('denied'))
    expect(heard.stream).not.toContain('secret')
    expect({ SCTP: arrives('SCTP'), ICMP: arrives('ICMP'), UDP: arrives('UDP') }).toEqual({
      SCTP: [false, false],
      ICMP: [false, false],
      UDP: [false, false],
    })
  })

  test('ICMP is one that its protocol tells, and lets nothing else pass', async () => {
    await apply('{ applications: [icmp] }')
    expect({
      ICMP: arrives('ICMP'),
      SCTP: arrives('SCTP'),
      UDP: arrives('UDP'),
      TCP: arrives('TCP'),
    }).toEqual({
      ICMP: [true, true],
      SCTP: [false, false],
      UDP: [false, false],
      TCP: [false, false],
    })
  })

  describe.each([
    ['IPv4', 0],
    ['IPv6', 1],
  ] as const)('datagrams in fragments, over %s', (_, family) => {
    /** In one call, hence one datagram of three fragments. */
    const send = (first: string) => {
      const all = `{ printf ${first}; head -c 3996 /dev/zero; }`
      const to = `/dev/udp/${topology.pod('api').addresses[family]}/${DATAGRAMS}`
      return inWeb(`${all} | dd bs=4000 iflag=fullblock status=none > ${to}`)
    }

    test('are judged whole, and what is not allowed does not arrive', async () => {
      heard.datagrams = ''
      await apply('{ applications: [acme-orders] }')
      await inspected?.inspection.redefine()
      await send('ORD2')
      await send('ORD1')
      await vi.waitFor(() => expect(heard.datagrams).toContain('4000 ORD1'))
      expect(heard.datagrams).not.toContain('ORD2')
    })
  })
})
