import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNetns, deleteNetns, setSysctl } from '@sekisho/linux'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { addToNetwork } from './cni-plugin.ts'
import { snapshotOf } from './placed-pods.ts'
import { type StateServer, startStateServer } from './state-server.ts'

const PREFIX = `cn${process.pid}`
const NODE = `${PREFIX}-node`
const PROGRAM = join(import.meta.dirname, '../src/main.ts')
const PODS = ['open', 'locked', 'free', 'unknown'] as const
type PodName = (typeof PODS)[number]
const inside = (pod: PodName) => `${PREFIX}-${pod}`

describeAsRoot('a new pod behind the bridge plugin', { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-pods-'))
  const at = (...names: readonly string[]) => join(directory, ...names)
  const conflist = at('net.d', '10-pods.conflist')
  let server: StateServer
  let agent: ChildProcess
  let listener: ChildProcess
  let openAddress = ''

  beforeAll(async () => {
    for (const name of [NODE, ...PODS.map(inside)]) createNetns(name)[Symbol.dispose]()
    setSysctl(NODE, 'net.ipv4.ip_forward', 1)
    setSysctl(NODE, 'net.bridge.bridge-nf-call-iptables', 1)
    mkdirSync(at('net.d'))
    const ipam = { type: 'host-local', dataDir: at('ipam'), ranges: [[{ subnet: '10.98.0.0/24' }]] }
    const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipam }
    writeFileSync(conflist, JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [bridge] }))
    server = await startStateServer({ directory: at() })
    server.say(snapshotOf(1, 'open'))
    agent = startAgent()
    await vi.waitFor(() => expect(readFileSync(conflist, 'utf8')).toContain('sekisho-cni'), {
      timeout: 120_000,
    })
    openAddress = await add('open')
    listener = spawn('ip', ['netns', 'exec', inside('open'), 'ncat', '--listen', '--keep-open', '80'], {
      stdio: 'ignore',
    })
    await vi.waitFor(async () => expect(await connects(NODE, 5)).toBe(true), { timeout: 120_000 })
  }, 400_000)
  afterAll(async () => {
    for (const child of [listener, agent]) {
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    }
    await server[Symbol.asyncDispose]()
    for (const name of [NODE, ...PODS.map(inside)]) deleteNetns(name)
    rmSync(directory, { recursive: true })
  })

  function startAgent(...more: readonly string[]): ChildProcess {
    const flags = {
      server: server.url.href,
      state: at('agent'),
      node: 'n1',
      netns: NODE,
      identify: 'off',
      'cni-config': at('net.d'),
      'cni-plugins': at('bin'),
      'cni-directory': at('cni'),
      'cni-wait': '100',
    }
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
    return spawn(process.execPath, [PROGRAM, ...args, ...more], {
      stdio: 'ignore',
      env: { ...process.env, SEKISHO_JOIN_TOKEN: server.token() },
    })
  }

  /** @returns its address. */
  async function add(name: PodName): Promise<string> {
    // A runtime reads it anew for each pod.
    const network = JSON.parse(readFileSync(conflist, 'utf8')) as Parameters<typeof addToNetwork>[0]
    const result = (await addToNetwork(network, {
      container: name,
      netns: `/run/netns/${inside(name)}`,
      args: `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=${name}`,
      place: ['ip', 'netns', 'exec', NODE],
      folders: { 'sekisho-cni': at('bin') },
    })) as { readonly ips: readonly { readonly address: string }[] }
    return result.ips[0]?.address.replace(/\/.*$/, '') ?? ''
  }
  function connects(from: string, seconds: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const args = ['netns', 'exec', from, 'ncat', '--wait', `${seconds}`, '--send-only', openAddress, '80']
    execFile('ip', args, error => resolve(!error)).stdin?.end()
    return promise
  }

  test('its first packet is judged by its rules, whether the server tells of it before or after', async () => {
    const locked = add('locked')
    await vi.waitFor(() =>
      expect(readFileSync(at('cni', 'attachments', 'locked.eth0'), 'utf8')).toContain('locked'),
    )
    server.say(snapshotOf(2, 'open', 'locked', 'free'))
    await locked
    expect(await connects(inside('locked'), 3)).toBe(false)
    await add('free')
    // Only a late answer could be missed: not the first packet's verdict, which stays.
    expect(await connects(inside('free'), 60)).toBe(true)
    expect(await connects(inside('locked'), 3)).toBe(false)
  })

  test('where it is switched off, the next agent takes the plugin out, and nobody waits', async () => {
    const ended = once(agent, 'exit')
    agent.kill()
    await ended
    agent = startAgent('--cni=off')
    await vi.waitFor(() => expect(readFileSync(conflist, 'utf8')).not.toContain('sekisho-cni'), {
      timeout: 120_000,
    })
    // The server never told of it.
    expect(await add('unknown')).toMatch(/^10\.98\.0\./)
  })
})
