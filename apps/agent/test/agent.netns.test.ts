import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Flow,
  type NodeName,
  namespace,
  policyId,
  ruleId,
  type StateSnapshot,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { createNetns, deleteNetns, openNftables, setSysctl } from '@sekisho/linux'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { askStatus } from '../src/report/endpoint.ts'
import type { LocalStatus } from '../src/report/exposition.ts'
import { type StateServer, startStateServer } from './state-server.ts'

const PREFIX = `ag${process.pid}`
const NODE_NETNS = `${PREFIX}-node`
const PROGRAM = join(import.meta.dirname, '../src/main.ts')
const SLOW = { timeout: 60_000, interval: 50 }
const PODS = ['web', 'db', 'rogue'] as const
type PodName = (typeof PODS)[number]
const address = (pod: PodName) => `10.99.0.${PODS.indexOf(pod) + 2}`
const netns = (pod: PodName) => `${PREFIX}-${pod}`

const pod = (name: PodName): Workload => ({
  id: workloadId('pod', 'shop', name),
  kind: 'pod',
  namespace: 'shop',
  name,
  owner: { kind: 'Deployment', name },
  labels: { app: name },
  node: 'n1' as NodeName,
  addresses: [address(name)],
  hostNetwork: false,
  ports: [],
  state: 'running',
  interface: name,
})

/** Only `web` may reach `db`. */
const POLICY = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'db', namespace: 'shop' },
  spec: {
    podSelector: { matchLabels: { app: 'db' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
  },
}
const RULE = ruleId(policyId('NetworkPolicy', 'shop', 'db'), 'ingress')
const snapshot = (revision: number, policies: StateSnapshot['policies']): StateSnapshot => ({
  kind: 'snapshot',
  history: 'run',
  revision,
  namespaces: [namespace('shop')],
  workloads: PODS.map(pod),
  policies,
})

function ip(where: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', where, '-batch', '-'], { input: lines.join('\n') })
}

function buildNode(): void {
  createNetns(NODE_NETNS)[Symbol.dispose]()
  setSysctl(NODE_NETNS, 'net.ipv4.ip_forward', 1)
  for (const name of PODS) {
    createNetns(netns(name))[Symbol.dispose]()
    ip(NODE_NETNS, [
      `link add ${name} type veth peer name eth0 netns ${netns(name)}`,
      `addr add 169.254.1.1/32 dev ${name} scope link`,
      `link set ${name} up`,
      `route add ${address(name)}/32 dev ${name}`,
    ])
    ip(netns(name), [
      `addr add ${address(name)}/32 dev eth0`,
      'link set eth0 up',
      'route add 169.254.1.1/32 dev eth0 scope link',
      'route add default via 169.254.1.1 dev eth0',
    ])
  }
}

/** Whether a connection to the echo server on `db` gets an answer. Never blocks: the server under test is in here. */
async function answered(from: PodName, seconds: number): Promise<boolean> {
  const script = `exec 3<>/dev/tcp/${address('db')}/5432 && echo hi >&3 && read -u 3 line && [ "$line" = hi ]`
  const client = spawn('ip', ['netns', 'exec', netns(from), 'timeout', `${seconds}`, 'bash', '-c', script], {
    stdio: 'ignore',
  })
  const [code] = (await once(client, 'exit')) as [number | null]
  return code === 0
}
/** An answer is waited for, however busy the machine; that none comes is believed sooner. */
const reaches = (from: PodName) => answered(from, 60)
const isCutOff = async (from: PodName) => !(await answered(from, 3))

describeAsRoot('the agent on a real kernel', { timeout: 400_000 }, () => {
  let directory = ''
  let server: StateServer
  const children: ChildProcess[] = []
  const state = () => join(directory, 'agent')

  function start(...more: readonly string[]): ChildProcess {
    const args = [
      '--server',
      server.url.href,
      '--state',
      state(),
      '--node',
      'n1',
      '--netns',
      NODE_NETNS,
      ...more,
    ]
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      stdio: 'ignore',
      env: { ...process.env, SEKISHO_JOIN_TOKEN: server.token() },
    })
    children.push(child)
    return child
  }
  const program = (...args: readonly string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' }).stdout.trim()
  const status = async () => JSON.parse(await askStatus(join(state(), 'agent.sock'))) as LocalStatus
  const hasStatus = (wanted: object) =>
    vi.waitFor(async () => expect(await status()).toMatchObject(wanted), SLOW)
  const kernelHas = (revision: number) => hasStatus({ enforcing: true, revision })
  async function kill(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  const flows = (match: Partial<Flow>) =>
    server.batches
      .flatMap(batch => batch.flows)
      .filter(flow => Object.entries(match).every(([key, value]) => flow[key as keyof Flow] === value))

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sekisho-agent-'))
    buildNode()
    server = await startStateServer({ directory: join(directory, 'server') })
    const echo = ['netns', 'exec', netns('db'), 'ncat', '-lk', '5432', '-c', 'cat']
    children.push(spawn('ip', echo, { stdio: 'ignore' }))
    await vi.waitFor(async () => expect(await answered('web', 3)).toBe(true), SLOW)
  })
  afterEach(async () => {
    for (const child of children.slice(1)) await kill(child, 'SIGKILL')
    server.answerBatches(200)
  })
  afterAll(async () => {
    await kill(children[0], 'SIGKILL')
    await server[Symbol.asyncDispose]()
    for (const name of [NODE_NETNS, ...PODS.map(netns)]) deleteNetns(name)
    rmSync(directory, { recursive: true })
  })

  test('joins, enforces what the server says and reports what it sees, with a rule for every denial', async () => {
    server.say(snapshot(1, [POLICY]))
    start()
    await kernelHas(1)
    expect(await Promise.all([reaches('web'), isCutOff('rogue')])).toEqual([true, true])
    const why = { outcome: 'denied', why: 'isolated', by: RULE } as const
    await vi.waitFor(() => expect(flows(why)).not.toEqual([]), SLOW)
    const denied = flows(why)[0]
    expect(denied).toMatchObject({ source: { workload: 'pod:shop/rogue' }, port: 5432, protocol: 'TCP' })
    await vi.waitFor(() => expect(flows({ outcome: 'allowed', why: 'rule-allow' })).not.toEqual([]), SLOW)
    const ledger = { 'judgement-disagreements': 0, 'connection-events-lost': 0 }
    expect(JSON.parse(program('status', '--state', state()))).toMatchObject({ node: 'n1', ledger })
  })

  test('killed, it goes on enforcing; started again without a server, it has the last state', async () => {
    await kill(start(), 'SIGKILL')
    expect(await isCutOff('rogue')).toBe(true)
    const { port } = server.url
    await server[Symbol.asyncDispose]()
    start()
    await kernelHas(1)
    expect(await Promise.all([reaches('web'), isCutOff('rogue')])).toEqual([true, true])
    const { server: reached, spool } = await status()
    expect(reached.connected).toBe(false)
    await vi.waitFor(async () => expect((await status()).spool.batches).toBeGreaterThan(spool.batches), SLOW)
    server = await startStateServer({ directory: join(directory, 'server'), port: Number(port) })
    server.say({ kind: 'delta', revision: 2, policies: { removed: ['NetworkPolicy/shop/db'] } })
    await kernelHas(2)
    expect(server.asked[0]).toBe('1')
    expect(await reaches('rogue')).toBe(true)
    await hasStatus({ spool: { batches: 0 } })
    const sequences = server.batches.map(({ sequence }) => sequence)
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
    expect(new Set(sequences).size).toBe(sequences.length)
  })

  test('with its last state lost, the rules in the kernel stay until the server has spoken', async () => {
    server.say(snapshot(3, [POLICY]))
    const first = start()
    await kernelHas(3)
    await kill(first, 'SIGKILL')
    writeFileSync(join(state(), 'last-state.json'), '{"kind":"snapshot"')
    const { port } = server.url
    await server[Symbol.asyncDispose]()
    start()
    await hasStatus({ enforcing: false })
    expect(await Promise.all([reaches('web'), isCutOff('rogue')])).toEqual([true, true])
    server = await startStateServer({ directory: join(directory, 'server'), port: Number(port) })
    server.say(snapshot(4, [POLICY]))
    await kernelHas(4)
    expect(await Promise.all([reaches('web'), isCutOff('rogue')])).toEqual([true, true])
  })

  test('a policy that cannot be used changes nothing, and is an event', async () => {
    server.say(snapshot(5, [POLICY]))
    start()
    await kernelHas(5)
    server.say({ kind: 'delta', revision: 6, policies: { set: [{ kind: 'NetworkPolicy', spec: {} }] } })
    const refused = () =>
      server.batches.flatMap(({ events }) => events).find(({ code }) => code === 'state-refused')
    await vi.waitFor(() => expect(refused()).toBeDefined(), SLOW)
    expect((await status()).revision).toBe(5)
    expect(await isCutOff('rogue')).toBe(true)
  })

  test('own workloads from a file take effect without the server', async () => {
    const path = join(directory, 'workloads.json')
    const write = (rogue: Workload) => {
      const workloads = [pod('web'), pod('db'), rogue]
      writeFileSync(`${path}.new`, JSON.stringify({ namespaces: [namespace('shop')], workloads }))
      renameSync(`${path}.new`, path)
    }
    write(pod('rogue'))
    server.say(snapshot(7, [POLICY]))
    start('--workloads', path)
    await kernelHas(7)
    expect(await isCutOff('rogue')).toBe(true)
    write({ ...pod('rogue'), labels: { app: 'web' } })
    await vi.waitFor(async () => expect(await answered('rogue', 3)).toBe(true), SLOW)
    const reported = () => server.batches.findLast(({ workloads }) => workloads)?.workloads
    await vi.waitFor(
      () => expect(reported()).toContainEqual({ ...pod('rogue'), labels: { app: 'web' } }),
      SLOW,
    )
  })

  test('connections that are already there are reported at the start', async () => {
    // The kernel follows connections while some rule asks for it: those of an earlier run do.
    server.say(snapshot(8, [POLICY]))
    const earlier = start()
    await kernelHas(8)
    await kill(earlier, 'SIGKILL')
    const big = 20_000
    const talk = `exec 3<>/dev/tcp/${address('db')}/5432; printf '%0${big}d\\n' 0 >&3; read -u 3 line; echo open; read`
    const client = spawn('ip', ['netns', 'exec', netns('web'), 'bash', '-c', talk], { stdio: 'pipe' })
    children.push(client)
    await once(client.stdout, 'data')
    start()
    const seen = () =>
      flows({ port: 5432, outcome: 'allowed' }).find(({ bytesToSource }) => bytesToSource > big)
    await vi.waitFor(() => expect(seen()?.connections).toBeGreaterThan(0), SLOW)
  })

  test('two agents cannot have one namespace', async () => {
    server.say(snapshot(9, [POLICY]))
    start()
    await kernelHas(9)
    const second = start('--state', join(directory, 'second'))
    const [code] = (await once(second, 'exit')) as [number]
    expect(code).toBe(1)
  })

  test('stopping leaves the rules, uninstalling removes them and says so', async () => {
    server.say(snapshot(10, [POLICY]))
    const agent = start()
    await kernelHas(10)
    await kill(agent, 'SIGTERM')
    expect(agent.exitCode).toBe(0)
    expect(await isCutOff('rogue')).toBe(true)
    expect(program('uninstall', '--netns', NODE_NETNS)).toContain('removed table inet sekisho')
    expect(await reaches('rogue')).toBe(true)
    expect(program('uninstall', '--netns', NODE_NETNS)).toContain('nothing to remove')
    await using nft = openNftables({ netns: NODE_NETNS })
    expect(nft.tableExists('sekisho')).toBe(false)
  })
})
