import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Timers, WorkloadId } from '@sekisho/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Fallback, Gate } from '../src/gate/gate.ts'
import { NriPlugin } from '../src/nri/plugin.ts'
import { message } from '../src/nri/protobuf.ts'
import { SYSTEM_TIMERS } from '../src/timers.ts'
import { FakeTimers } from './fake-timers.ts'
import { type ConnectedPlugin, sandbox, type TestPod, TestRuntime } from './nri-runtime.ts'

let directory: string
let resources: AsyncDisposableStack
let runtime: TestRuntime
const socket = () => join(directory, 'nri.sock')
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sekisho-nri-'))
  resources = new AsyncDisposableStack()
  runtime = await TestRuntime.open(socket())
})
afterEach(async () => {
  await resources.disposeAsync()
  await runtime[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

const WEB = 'pod:shop/web' as WorkloadId
const web: TestPod = { id: 'w1', name: 'web', ips: ['10.1.0.7'] }
const log = { info: () => undefined, warn: vi.fn(), error: vi.fn() }

/** An agent that knows these pods. */
function openPlugin({
  fallback = 'closed' as Fallback,
  known = new Set([WEB]),
  kernel = (): Promise<boolean> => Promise.resolve(true),
  timers = SYSTEM_TIMERS as Timers,
} = {}) {
  const attached: Readonly<Record<string, readonly string[]>>[] = []
  const rules = {
    timers,
    log,
    onAttached: (all: ReadonlyMap<WorkloadId, readonly string[]>) => attached.push(Object.fromEntries(all)),
    isKnown: (pod: WorkloadId) => known.has(pod),
    programmed: () => kernel(),
  }
  const options = { socket: socket(), directory, fallback, waitSeconds: 10, exempt: ['kube-system'] }
  const gate = new Gate(options, rules)
  const addressesIn = (netns: string) => {
    if (netns !== '/run/netns/w1') throw new Error('ENOENT')
    return ['10.1.0.9']
  }
  const plugin = resources.use(new NriPlugin({ nri: options, gate, addressesIn, timers, log }))
  plugin.start()
  return { plugin, gate, attached, known }
}

/** The plugin as the runtime has it after it registered. */
async function begun(pods: readonly TestPod[] = [], requestMs?: number): Promise<ConnectedPlugin> {
  const connected = await runtime.plugin()
  await connected.begin(pods, requestMs)
  return connected
}

describe('a pod starts', () => {
  test('when its rules are in the kernel', async () => {
    const kernel = Promise.withResolvers<boolean>()
    const { gate, attached, plugin } = openPlugin({ kernel: () => kernel.promise })
    const ours = await begun()
    expect(await ours.registered).toEqual({ name: 'sekisho', index: '10' })
    expect({ connected: plugin.connected, degraded: plugin.degraded }).toEqual({
      connected: true,
      degraded: [],
    })
    let isAnswered = false
    const answer = ours.runPod(web).finally(() => {
      isAnswered = true
    })
    await vi.waitFor(() => expect(attached.at(-1)).toEqual({ [WEB]: ['10.1.0.7'] }))
    // What is asked meanwhile is answered meanwhile.
    expect(await ours.ask('Shutdown', message())).toMatchObject({ code: 0 })
    expect(isAnswered).toBe(false)
    kernel.resolve(true)
    expect(await answer).toMatchObject({ code: 0 })
    expect(gate.status).toMatchObject({ added: 1, refused: 0, passed: 0 })
  })

  test('when the server has told of it', async () => {
    const { gate, attached, known } = openPlugin({ known: new Set<WorkloadId>() })
    const answer = (await begun()).runPod(web)
    await vi.waitFor(() => expect(attached.at(-1)).toEqual({ [WEB]: ['10.1.0.7'] }))
    known.add(WEB)
    gate.stateChanged()
    expect(await answer).toMatchObject({ code: 0 })
  })

  test('by the method of newer runtimes, too', async () => {
    const { gate } = openPlugin()
    const ours = await begun()
    expect(await ours.ask('RunPodSandbox', message([1, sandbox(web)]))).toMatchObject({ code: 0 })
    expect(gate.status.added).toBe(1)
  })

  test('with the addresses in its network namespace, where the runtime tells none', async () => {
    const { attached } = openPlugin()
    const ours = await begun()
    expect(await ours.runPod({ ...web, ips: [], netns: '/var/run/netns/w1' })).toMatchObject({ code: 0 })
    expect(attached.at(-1)).toEqual({ [WEB]: ['10.1.0.9'] })
  })

  test.each<[string, TestPod]>([
    ['of a namespace that is exempt', { ...web, namespace: 'kube-system' }],
    ['with the network of the host', { ...web, ips: [] }],
  ])('at once, %s', async (_what, pod) => {
    const { gate } = openPlugin({ known: new Set() })
    expect(await (await begun()).runPod(pod)).toMatchObject({ code: 0 })
    expect(gate.status).toMatchObject({ added: 0, refused: 0, passed: 0 })
  })
})

describe('a pod whose rules cannot be there', () => {
  test.each<[string, Parameters<typeof openPlugin>[0], TestPod, string]>([
    [
      'of which the server never tells',
      { known: new Set() },
      web,
      'the server has not told of pod:shop/web yet',
    ],
    [
      'whose rules the kernel refuses',
      { kernel: () => Promise.resolve(false) },
      web,
      'the kernel refused the rules',
    ],
    [
      'for which something fails',
      { kernel: () => Promise.reject(new Error('no space left on device')) },
      web,
      'no space left on device',
    ],
    [
      'whose rules take too long',
      { kernel: () => new Promise<boolean>(() => undefined) },
      web,
      'the rules are not in the kernel yet',
    ],
    [
      'whose network cannot be read',
      {},
      { ...web, ips: [], netns: '/run/netns/other' },
      'its network namespace /run/netns/other cannot be read: ENOENT',
    ],
    [
      'whose network is not told',
      {},
      { ...web, ips: [], netns: '' },
      'its network namespace cannot be found',
    ],
    ['that is none', {}, { ...web, id: '../x' }, 'cannot be read: a sandbox whose id is not valid'],
  ])('%s is refused for now, or passes where that was chosen', async (_what, options, pod, reason) => {
    const ask = async (fallback: Fallback) => {
      const timers = new FakeTimers()
      const { plugin, gate, attached } = openPlugin({ ...options, fallback, timers })
      const ours = await begun()
      const asked = ours.runPod(pod)
      let isOver = false
      void asked.finally(() => {
        isOver = true
      })
      await vi.waitFor(async () => {
        await timers.pass(1_500)
        expect(isOver).toBe(true)
      })
      const stopped = plugin[Symbol.asyncDispose]()
      await timers.pass(10_000)
      await stopped
      return { ...(await asked), counts: gate.status, left: attached.at(-1) ?? {} }
    }
    expect(await ask('closed')).toMatchObject({ code: 14, counts: { refused: 1 }, left: {} })
    expect(await ask('open')).toMatchObject({ code: 0, counts: { passed: 1 } })
    expect((await ask('closed')).reason).toContain(reason)
  })

  test('is answered before the runtime would put the plugin out', async () => {
    const timers = new FakeTimers()
    const { attached } = openPlugin({ known: new Set(), timers })
    const asked = (await begun([], 400)).runPod(web)
    await vi.waitFor(() => expect(attached.at(-1)).toEqual({ [WEB]: ['10.1.0.7'] }))
    await timers.pass(299)
    expect(attached.at(-1)).toEqual({ [WEB]: ['10.1.0.7'] })
    await timers.pass(1)
    expect(await asked).toMatchObject({ code: 14 })
    expect(attached.at(-1)).toEqual({})
  })
})

describe('pods that end', () => {
  test.each<[string, string, Uint8Array]>([
    ['stopped', 'StateChange', message([1, 2], [2, sandbox(web)])],
    ['removed', 'StateChange', message([1, 3], [2, sandbox(web)])],
    ['stopped in newer runtimes', 'StopPodSandbox', message([1, sandbox(web)])],
    ['removed in newer runtimes', 'RemovePodSandbox', message([1, sandbox(web)])],
  ])('%s: its addresses are free', async (_what, method, request) => {
    const { attached } = openPlugin()
    const ours = await begun()
    await ours.runPod(web)
    expect(await ours.ask(method, request)).toMatchObject({ code: 0 })
    expect(attached.at(-1)).toEqual({})
  })

  test('a runtime that comes back tells which pods there are', async () => {
    const { attached, plugin } = openPlugin()
    const ours = await begun()
    await ours.runPod(web)
    await ours.runPod({ id: 'd1', name: 'db', ips: ['10.1.0.8'] })
    ours.end()
    await vi.waitFor(() => expect(plugin.degraded).toHaveLength(1))
    const again = await runtime.plugin()
    await again.registered
    const part = message([1, sandbox(web)], [3, 1])
    expect((await again.ask('Synchronize', part)).payload.number(2)).toBe(1)
    expect(plugin.connected).toBe(false)
    const pods = [
      { id: 'n1', name: 'new', ips: ['10.1.0.20'] },
      // Ended; its address may be anybody's.
      { id: 'e1', name: 'ended', ips: ['10.1.0.7'], pid: 0 },
      { id: 'k1', name: 'dns', namespace: 'kube-system', ips: ['10.1.0.2'] },
      { id: 'h1', name: 'host' },
    ]
    await again.ask('Synchronize', message(...pods.map(pod => [1, sandbox(pod)] as const)))
    expect(attached.at(-1)).toEqual({ [WEB]: ['10.1.0.7'], 'pod:shop/new': ['10.1.0.20'] })
    expect(plugin.degraded).toEqual([])
  })
})

describe('the runtime’s end', () => {
  test('that is not there is said, and asked again', async () => {
    await runtime[Symbol.asyncDispose]()
    const { plugin } = openPlugin()
    await vi.waitFor(() => expect(plugin.degraded.join()).toMatch(/before their rules .*nri\.sock.*ENOENT/))
    runtime = await TestRuntime.open(socket())
    await begun()
    await vi.waitFor(() => expect(plugin.degraded).toEqual([]))
  })

  test('that says what cannot be read is left, and asked again', async () => {
    const { plugin } = openPlugin()
    const ours = await begun()
    ours.write(Buffer.from('00000001ffffffff', 'hex'))
    await ours.closed
    await vi.waitFor(() => expect(plugin.degraded.join()).toContain('a frame of 4294967295 bytes'))
    await begun()
    await vi.waitFor(() => expect(plugin.connected).toBe(true))
  })

  test('that asks what is not ours is told so', async () => {
    openPlugin()
    const ours = await begun()
    expect(await ours.ask('CreateContainer', message())).toMatchObject({ code: 12 })
    expect(await ours.ask('Configure', message(), 'some.other.Service')).toMatchObject({ code: 12 })
    expect(await ours.ask('Configure', Buffer.from([0x08]))).toMatchObject({ code: 3 })
    // Run, stop and remove, by their bits.
    expect((await ours.ask('Configure', message())).payload.number(2)).toBe(7)
    const other = message([1, 6], [2, sandbox(web)])
    expect(await ours.ask('StateChange', other)).toMatchObject({ code: 0 })
  })
})
