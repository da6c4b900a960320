import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { NodeName } from '@sekisho/core'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { askStatus } from '../../apps/agent/src/report/endpoint.ts'
import { type StateServer, startStateServer } from '../../apps/agent/test/state-server.ts'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { askResolver, forgetResolver, serveNames, serveSite } from './sites.ts'

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, '../../apps/agent/src/main.ts')

const policy = (egress: readonly unknown[]) => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { namespace: 'shop', name: 'names' },
  spec: { subject: { podSelector: { matchLabels: { app: 'web' } } }, mode: 'Enforce', egress },
})

describeAsRoot('destinations by name with the real agent', { timeout: 400_000 }, () => {
  let topology: Topology
  let server: StateServer
  let agent: ChildProcess
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-names-'))
  const programs: Disposable[] = []
  const pod = (name: string) => topology.pod(name)
  const socket = join(directory, 'agent', 'agent.sock')

  async function start(): Promise<void> {
    const at = ['--state', join(directory, 'agent'), '--node', 'node-0', '--netns', topology.node]
    const resolvers = ['--resolvers', pod('dns').addresses.join()]
    agent = spawn(process.execPath, [PROGRAM, '--server', server.url.href, ...at, ...resolvers], {
      stdio: 'ignore',
      env: { ...process.env, SEKISHO_JOIN_TOKEN: server.token() },
    })
    await vi.waitFor(
      async () =>
        expect(JSON.parse(await askStatus(socket))).toMatchObject({
          enforcing: true,
          revision: 1,
          inspection: { isListening: true },
        }),
      { timeout: 60_000 },
    )
  }
  async function kill(): Promise<void> {
    const ended = once(agent, 'exit')
    agent.kill('SIGKILL')
    await ended
  }

  beforeAll(async () => {
    topology = buildTopology({ prefix: `an${process.pid}`, pods: ['web', 'dns', 'site'] })
    const [site4, site6] = pod('site').addresses
    programs.push(
      serveNames(pod('dns'), { 'api.example.com': [site4, site6], 'stranger.test': [site4, site6] }),
      serveSite(pod('site')),
    )
    askResolver(pod('web'), pod('dns').addresses[0])
    server = await startStateServer({ directory: join(directory, 'server') })
    const dns = pod('dns').addresses.map(ip => ({
      ipBlock: { cidr: `${ip}/${ip.includes(':') ? 128 : 32}` },
    }))
    server.say({
      kind: 'snapshot',
      revision: 1,
      namespaces: [SHOP],
      workloads: [workloadOf(pod('web'), { node: 'node-0' as NodeName })],
      policies: [
        policy([
          { to: dns, ports: [{ protocol: 'UDP', port: 53 }] },
          { to: [{ fqdn: '*.example.com' }], ports: [{ port: 443 }] },
        ]),
      ],
    })
    await start()
    await vi.waitFor(async () => expect(await get('https://api.example.com')).toBe('https api.example.com'))
  })
  afterAll(async () => {
    forgetResolver(pod('web'))
    await kill()
    for (const program of programs) program[Symbol.dispose]()
    await server?.[Symbol.asyncDispose]()
    topology?.[Symbol.dispose]()
    rmSync(directory, { recursive: true, force: true })
  })

  async function get(url: string, ...options: readonly string[]): Promise<string> {
    const inWeb = ['netns', 'exec', pod('web').netns, 'curl', '-sSk', '-m', '20', ...options, url]
    return (await run('ip', inWeb)).stdout.trim()
  }

  test('a name that is allowed is reached, and its neighbour behind the same address is not', async () => {
    expect(await get('https://api.example.com', '-6')).toBe('https api.example.com')
    await expect(get('https://stranger.test', '-m', '2')).rejects.toMatchObject({ stdout: '' })
  })

  test('killed and started again it knows where names led, without asking anybody', async () => {
    const [site4] = pod('site').addresses
    const pinned = ['--resolve', `api.example.com:443:${site4}`]
    await kill()
    const { stdout } = await run('ip', [
      'netns',
      'exec',
      pod('web').netns,
      'getent',
      'ahosts',
      'stranger.test',
    ])
    expect(stdout).toContain(site4)
    await start()
    expect(await get('https://api.example.com', ...pinned)).toBe('https api.example.com')
  })
})
