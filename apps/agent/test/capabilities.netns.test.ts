import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNetns, deleteNetns, getSysctl } from '@sekisho/linux'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { askStatus } from '../src/report/endpoint.ts'
import type { LocalStatus } from '../src/report/exposition.ts'
import { stateDirectory } from '../src/state-directory.ts'
import { type StateServer, startStateServer } from './state-server.ts'

const PROGRAM = join(import.meta.dirname, '../src/main.ts')
const NETNS = `agc${process.pid}`
/** Those of the chart's DaemonSet. */
const CAPABILITIES = '-all,+net_admin,+net_raw,+sys_admin'

/** As a container runtime starts it: settings are read-only, and nothing but the listed capabilities. */
const CONTAINER = [
  'mount --bind /proc/sys /proc/sys',
  'mount -o remount,ro,bind /proc/sys',
  `exec setpriv --bounding-set=${CAPABILITIES} --inh-caps=-all --no-new-privs "$@"`,
].join(' && ')

describeAsRoot('the agent as its DaemonSet starts it', () => {
  let directory: string
  let server: StateServer
  let agent: ChildProcess | undefined
  let said = ''
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sekisho-capabilities-'))
    server = await startStateServer({ directory: join(directory, 'server') })
    createNetns(NETNS)[Symbol.dispose]()
  })
  afterAll(async () => {
    if (agent && agent.exitCode === null) {
      agent.kill('SIGTERM')
      await once(agent, 'exit')
    }
    await server[Symbol.asyncDispose]()
    deleteNetns(NETNS)
    rmSync(directory, { recursive: true })
  })

  const status = async () =>
    JSON.parse(await askStatus(stateDirectory(join(directory, 'agent')).socket)) as LocalStatus
  const start = () => {
    const command = [
      process.execPath,
      PROGRAM,
      `--server=${server.url.href}`,
      `--state=${join(directory, 'agent')}`,
      '--node=n1',
      `--netns=${NETNS}`,
    ]
    const child = spawn('unshare', ['--mount', 'sh', '-c', CONTAINER, 'sh', ...command], {
      env: { ...process.env, SEKISHO_JOIN_TOKEN: server.token() },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr?.on('data', (text: Buffer) => {
      said += text.toString()
    })
    agent = child
  }

  test('a privileged container prepares the node, and then it needs three capabilities', async () => {
    execFileSync(process.execPath, [PROGRAM, 'prepare', `--netns=${NETNS}`])
    expect(getSysctl(NETNS, 'net.netfilter.nf_conntrack_acct')).toBe('1')
    server.say({ kind: 'snapshot', revision: 3, namespaces: [], workloads: [], policies: [] })
    start()
    await vi.waitFor(async () => {
      expect(agent?.exitCode, said).toBeNull()
      const inspection = { isListening: true } as unknown
      expect(await status()).toMatchObject({ enforcing: true, revision: 3, programErrors: 0, inspection })
    })
  })
})
