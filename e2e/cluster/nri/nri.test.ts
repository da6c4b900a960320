import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { snapshotOf } from '../../../apps/agent/test/placed-pods.ts'
import { type StateServer, startStateServer } from '../../../apps/agent/test/state-server.ts'
import { eventually } from '../eventually.ts'
import { HERE } from '../programs.ts'
import { OUTSIDE, openRuntimeNode, type RuntimeNode } from './runtime.ts'

const CHECKOUT = join(import.meta.dirname, '../../..')
const AGENT = join(CHECKOUT, 'apps/agent/src/main.ts')
/** The first thing that a pod does, and all: 0 where it was let through. */
const CONNECT = ['nc', '-w', '5', OUTSIDE, '80', '-e', 'true']
const REFUSED = 'the server has not told of pod:shop/'

describe('a container runtime with NRI', () => {
  const directory = mkdtempSync('/mnt/nri-')
  const resources = new AsyncDisposableStack()
  let node: RuntimeNode
  let server: StateServer

  beforeAll(async () => {
    const programs = execFileSync(join(CHECKOUT, 'e2e/assets/containerd/build'), { encoding: 'utf8' }).trim()
    node = resources.use(await openRuntimeNode(programs, directory))
    await node.startRuntime()
    server = resources.use(await startStateServer({ directory }))
    server.say(snapshotOf(1))
    startAgent()
    await waits()
  })
  afterAll(() => resources.disposeAsync())

  /** In the node's mounts; its network is named, since the server is not in it. */
  function startAgent(): void {
    const flags = {
      server: server.url.href,
      state: join(directory, 'agent'),
      node: 'n1',
      netns: `/proc/${node.holder}/ns/net`,
      identify: 'off',
      nri: '/var/run/nri/nri.sock',
      'cni-wait': '2',
    }
    node.running.start('agent', HERE, [
      'nsenter',
      `--target=${node.holder}`,
      '--mount',
      '--',
      'env',
      `SEKISHO_JOIN_TOKEN=${server.token()}`,
      process.execPath,
      AGENT,
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    ])
  }
  const status = () =>
    JSON.parse(
      execFileSync(process.execPath, [AGENT, 'status', '--state', join(directory, 'agent')], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as { readonly nri: { readonly connected: boolean }; readonly degraded: readonly string[] }
  /** Until the runtime asks the agent. */
  const waits = () =>
    eventually(() => {
      node.running.check()
      expect(status()).toMatchObject({ nri: { connected: true }, degraded: [] })
    })
  const ends = (container: string) =>
    eventually(async () => {
      const code = await node.cri.exitCode(container)
      if (code === undefined) throw new Error('it runs')
      return code
    })

  test('makes no pod of which there are no rules, and tries again', async () => {
    // The runtime may not have listed its images yet.
    await eventually(() => expect(node.cri.runPod('locked-1')).rejects.toThrow(`${REFUSED}locked-1 yet`))
    expect(await node.cri.pods()).toBe(0)
    server.say(snapshotOf(2, 'locked-1', 'open-1'))
    const sandbox = await eventually(() => node.cri.runPod('locked-1'))
    const open = await eventually(() => node.cri.runPod('open-1'))
    expect(await ends(await node.cri.run('open-1', open, CONNECT))).toBe(0)
    expect(await ends(await node.cri.run('locked-1', sandbox, CONNECT))).not.toBe(0)
    await node.cri.removePod(sandbox)
    await node.cri.removePod(open)
  })

  test('goes on without an agent, which finds such pods when it comes back', async () => {
    await node.running.stop('agent', 'SIGKILL')
    server.say(snapshotOf(3, 'locked-2'))
    const sandbox = await node.cri.runPod('locked-2')
    startAgent()
    await waits()
    const attachment = join(`/proc/${node.holder}/root/run/sekisho/cni/attachments`, sandbox)
    expect(readFileSync(attachment, 'utf8')).toContain('pod:shop/locked-2')
    await eventually(async () =>
      expect(await ends(await node.cri.run('locked-2', sandbox, CONNECT))).not.toBe(0),
    )
    await node.cri.removePod(sandbox)
    expect(existsSync(attachment)).toBe(false)
  })

  test('that required the agent starts no container without it', async () => {
    await node.stopRuntime()
    await eventually(() => expect(status().degraded.join()).toContain('pods start before their rules'))
    await node.startRuntime(['sekisho'])
    await waits()
    server.say(snapshotOf(4, 'open-3'))
    const sandbox = await eventually(() => node.cri.runPod('open-3'))
    expect(await ends(await node.cri.run('open-3', sandbox, CONNECT))).toBe(0)
    await node.running.stop('agent', 'SIGKILL')
    await eventually(() =>
      expect(node.cri.run('open-3', sandbox, CONNECT)).rejects.toThrow('required plugin'),
    )
  })
})
