import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Timers, WorkloadId } from '@sekisho/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CniChain, unchain } from '../src/cni/chain.ts'
import { parseRequest } from '../src/cni/request.ts'
import { CniStation } from '../src/cni/station.ts'
import { type Fallback, Gate } from '../src/gate/gate.ts'
import { SYSTEM_TIMERS as timers } from '../src/timers.ts'
import { callPlugin, type PluginCall, writePlugin } from './cni-plugin.ts'
import { FakeTimers } from './fake-timers.ts'

let directory: string
let resources: AsyncDisposableStack
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sekisho-cni-'))
  resources = new AsyncDisposableStack()
})
afterEach(async () => {
  await resources.disposeAsync()
  rmSync(directory, { recursive: true })
})

const log = { info: () => undefined, warn: () => undefined, error: vi.fn() }
const result = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'cni0' }, { name: 'veth1' }, { name: 'eth0', sandbox: '/x' }],
  ips: [{ interface: 2, address: '10.1.0.7/24', gateway: '10.1.0.1' }, { address: 'FD00:0::7/64' }],
  dns: { search: ['a"b\\c'] },
}
const config = {
  capabilities: {},
  cniVersion: '1.0.0',
  name: 'pods',
  prevResult: result,
  type: 'sekisho-cni',
}
const WEB = 'pod:shop/web' as WorkloadId
const ARGS = 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=1'
const ADD: PluginCall = { command: 'ADD', args: ARGS, config }

/** An agent that knows these pods. */
function openStation({
  fallback = 'closed' as Fallback,
  known = new Set([WEB]),
  kernel = true,
  time = timers as Timers,
} = {}) {
  const attached: Readonly<Record<string, readonly string[]>>[] = []
  const gate = new Gate(
    { directory, fallback },
    {
      timers: time,
      log,
      onAttached: all => attached.push(Object.fromEntries(all)),
      isKnown: pod => known.has(pod),
      programmed: () => Promise.resolve(kernel),
    },
  )
  const station = resources.use(new CniStation({ directory, gate, log }))
  station.start()
  return { station, gate, attached, known }
}

const plugin = (fallback: Fallback, waitSeconds = 60) =>
  writePlugin(directory, { directory, fallback, waitSeconds, exempt: ['kube-system', 'sekisho'] })
const left = () => ['requests', 'answers'].flatMap(folder => readdirSync(join(directory, folder)))

describe('the plugin with an agent', () => {
  test('ADD tells the agent who has which addresses, and gives back the result as it was', async () => {
    const { attached, gate } = openStation()
    const { code, output } = await callPlugin(plugin('closed'), ADD)
    expect({ code, result: JSON.parse(output) as unknown }).toEqual({ code: 0, result })
    expect(attached).toEqual([{ [WEB]: ['10.1.0.7', 'fd00::7'] }])
    expect(gate.status).toMatchObject({ added: 1, refused: 0 })
    await vi.waitFor(() => expect(left()).toEqual([])) // the agent removes the pipe after its answer was read
  })

  test('ADD waits until the server has told of the pod', async () => {
    const { attached, gate, known } = openStation({ known: new Set<WorkloadId>() })
    const added = callPlugin(plugin('closed'), ADD)
    await vi.waitFor(() => expect(attached).toHaveLength(1))
    gate.stateChanged()
    known.add(WEB)
    gate.stateChanged()
    expect((await added).code).toBe(0)
  })

  test.each<[string, Parameters<typeof openStation>[0], number, string]>([
    [
      'of which the server never tells',
      { known: new Set() },
      11,
      'the server has not told of pod:shop/web yet',
    ],
    ['whose rules the kernel refuses', { kernel: false }, 11, 'the kernel refused the rules'],
  ])(
    'a pod %s is refused for now, or passes where that was chosen',
    async (_what, options, code, message) => {
      const ask = async (fallback: Fallback) => {
        const time = new FakeTimers()
        const { station, gate, attached } = openStation({ ...options, fallback, time })
        const asked = callPlugin(plugin(fallback), ADD)
        await vi.waitFor(() => expect(attached).toHaveLength(1))
        await time.pass(60_000)
        const answer = await asked
        station[Symbol.dispose]()
        rmSync(join(directory, 'attachments'), { recursive: true })
        return { ...answer, counts: gate.status }
      }
      const refused = await ask('closed')
      expect(refused).toMatchObject({ code: 1, counts: { refused: 1 } })
      expect(JSON.parse(refused.output)).toMatchObject({ code, msg: `sekisho-cni: ${message}` })
      const passed = await ask('open')
      expect(passed).toMatchObject({ code: 0, counts: { passed: 1 } })
      expect(JSON.parse(passed.output)).toEqual(result)
    },
  )

  test('an address belongs to whom it was given last; DEL, GC and a new agent keep that so', async () => {
    const { attached } = openStation({ known: new Set([WEB, 'pod:shop/db' as WorkloadId]) })
    const program = plugin('closed')
    await callPlugin(program, { ...ADD, container: 'old' })
    await callPlugin(program, { ...ADD, container: 'new', args: ARGS.replace('=web', '=db') })
    expect(attached.at(-1)).toEqual({ 'pod:shop/db': ['10.1.0.7', 'fd00::7'] })
    // Of the pod that lost it, told late.
    expect((await callPlugin(program, { command: 'DEL', container: 'old' })).code).toBe(0)
    expect((await callPlugin(program, { command: 'CHECK', container: 'new' })).code).toBe(0)
    const unknown = await callPlugin(program, { command: 'CHECK', container: 'old' })
    expect(JSON.parse(unknown.output)).toMatchObject({ code: 3 })

    await resources.disposeAsync()
    resources = new AsyncDisposableStack()
    const next = openStation()
    expect(next.attached.at(-1)).toEqual({ 'pod:shop/db': ['10.1.0.7', 'fd00::7'] })
    const valid = [{ containerID: 'other', ifname: 'eth0' }]
    const gone = { command: 'GC', config: { 'cni.dev/valid-attachments': valid } }
    expect((await callPlugin(program, gone)).code).toBe(0)
    expect(next.attached.at(-1)).toEqual({})
  })

  test('DEL is followed', async () => {
    const { attached } = openStation()
    await callPlugin(plugin('closed'), ADD)
    await callPlugin(plugin('closed'), { command: 'DEL' })
    await vi.waitFor(() => expect(attached.at(-1)).toEqual({}))
  })
})

describe('the plugin without an agent', () => {
  test.each<[string, Fallback, PluginCall, number, unknown]>([
    ['ADD is refused', 'closed', ADD, 1, { cniVersion: '1.0.0', code: 11 }],
    ['ADD passes where that was chosen', 'open', ADD, 0, result],
    [
      'pods of exempt namespaces pass',
      'closed',
      { ...ADD, args: 'K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=dns' },
      0,
      result,
    ],
    [
      'a namespace that begins alike does not',
      'closed',
      { ...ADD, args: 'K8S_POD_NAMESPACE=kube-system2;' },
      1,
      { code: 11 },
    ],
    [
      'VERSION',
      'closed',
      { command: 'VERSION', config: { cniVersion: '0.4.0' } },
      0,
      { cniVersion: '0.4.0' },
    ],
    ['CHECK', 'closed', { command: 'CHECK' }, 1, { code: 11 }],
    ['an unknown command', 'closed', { command: 'SHOUT' }, 1, { code: 4 }],
    ['a way out of the folder', 'closed', { ...ADD, container: '../../etc' }, 1, { code: 4 }],
    ['no container', 'closed', { command: 'DEL', container: '' }, 1, { code: 4 }],
    ['an interface with a slash', 'closed', { command: 'DEL', interface: 'a/b' }, 1, { code: 4 }],
    [
      'ADD with nothing before it',
      'open',
      { command: 'ADD', config: { cniVersion: '1.0.0' } },
      1,
      { code: 7 },
    ],
  ])('%s', async (_what, fallback, call, code, answer) => {
    const given = await callPlugin(plugin(fallback, 1), call)
    expect(given.code).toBe(code)
    expect(JSON.parse(given.output)).toMatchObject(answer as object)
  })

  test.each(['closed', 'open'] as const)(
    'DEL and STATUS succeed (%s): a node whose agent is replaced stays ready',
    async fallback => {
      for (const command of ['DEL', 'STATUS'])
        expect(await callPlugin(plugin(fallback, 1), { command })).toEqual({ code: 0, output: '' })
    },
  )

  test('STATUS fails where no pod could ever be added: the node has not what the plugin needs', async () => {
    const bare = join(directory, 'bare')
    mkdirSync(bare)
    for (const program of ['sh', 'mkfifo', 'mv', 'head'])
      symlinkSync(execFileSync('which', [program], { encoding: 'utf8' }).trim(), join(bare, program))
    const status = { command: 'STATUS', path: bare }
    const { code, output } = await callPlugin(plugin('closed'), status)
    expect(code).toBe(1)
    expect(JSON.parse(output)).toMatchObject({ code: 50, msg: expect.stringContaining('timeout') as string })
    expect((await callPlugin(plugin('open'), status)).code).toBe(0)
  })

  test('an agent that was killed leaves nothing to wait for twice', async () => {
    openStation()
    await resources.disposeAsync()
    resources = new AsyncDisposableStack()
    expect((await callPlugin(plugin('closed', 1), ADD)).code).toBe(1)
    await vi.waitFor(() => expect(left()).toEqual([])) // the agent removes the pipe after its answer was read
  })
})

test.each<[string, string]>([
  ['nothing', ''],
  ['no configuration', 'command=ADD\ncontainer=a\ninterface=eth0\n'],
  ['no JSON', 'command=ADD\ncontainer=a\ninterface=eth0\nargs=K8S_POD_NAMESPACE=a;K8S_POD_NAME=b\nconfig={'],
  ['no pod', `command=ADD\ncontainer=a\ninterface=eth0\nargs=\nconfig=${JSON.stringify(config)}`],
  [
    'a way out',
    `command=ADD\ncontainer=../a\ninterface=eth0\nargs=${ARGS}\nconfig=${JSON.stringify(config)}`,
  ],
  ['no address', `command=ADD\ncontainer=a\ninterface=eth0\nargs=${ARGS}\nconfig={"prevResult":{"ips":[]}}`],
  [
    'half an address',
    `command=ADD\ncontainer=a\ninterface=eth0\nargs=${ARGS}\nconfig={"prevResult":{"ips":[{"address":"10.1"}]}}`,
  ],
  ['DEL', 'command=DEL\ncontainer=a\ninterface=eth0\nconfig={}'],
])('a request with %s is refused', (_what, source) => {
  expect(parseRequest(source).ok).toBe(false)
})

describe('the chain on a node', () => {
  const bridge = JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge' }] })
  const paths = () => ({ config: join(directory, 'net.d'), plugins: join(directory, 'bin') })
  const open = () => {
    const cni = { ...paths(), directory, fallback: 'closed', waitSeconds: 10, exempt: [] } as const
    return resources.use(
      new CniChain({ link: { kind: 'in', cni }, timers, onError: error => log.error('', error) }),
    )
  }
  const openOut = () => {
    const link = { kind: 'out', config: paths().config } as const
    return resources.use(new CniChain({ link, timers, onError: error => log.error('', error) }))
  }
  const at = (name: string) => join(paths().config, name)
  const isIn = (name: string) => readFileSync(at(name), 'utf8').includes('sekisho-cni')

  test('the plugin is added to the first list, again when others write it anew, and removed', async () => {
    const chain = open()
    await vi.waitFor(() =>
      expect(chain.degraded).toEqual([expect.stringContaining('there is no network configuration')]),
    )
    writeFileSync(at('20-other.conflist'), bridge)
    writeFileSync(at('10-pods.conflist'), bridge, { mode: 0o600 })
    await vi.waitFor(() => expect(isIn('10-pods.conflist')).toBe(true))
    await vi.waitFor(() => expect(chain.degraded).toEqual([]))
    for (let i = 0; i < 5; i++) writeFileSync(at('10-pods.conflist'), bridge)
    await vi.waitFor(() => expect(isIn('10-pods.conflist')).toBe(true))
    expect(readdirSync(paths().plugins)).toContain('sekisho-cni')
    await chain[Symbol.asyncDispose]()
    expect(isIn('10-pods.conflist')).toBe(true)
    expect(await unchain(paths().config)).toMatchObject({
      removed: expect.arrayContaining([expect.stringContaining('10-pods')]) as string[],
      stays: [],
    })
    expect(readdirSync(paths().config).filter(isIn)).toEqual([])
    expect(await unchain(paths().config)).toEqual({ removed: [], stays: [] })
  })

  test('an agent without it takes out of every list what an agent of before added', async () => {
    const chained = JSON.stringify({ name: 'pods', plugins: [{ type: 'bridge' }, { type: 'sekisho-cni' }] })
    mkdirSync(paths().config)
    for (const name of ['10-pods.conflist', '20-other.conflist']) writeFileSync(at(name), chained)
    const chain = openOut()
    await vi.waitFor(() => expect(readdirSync(paths().config).filter(isIn)).toEqual([]))
    expect(chain.degraded).toEqual([])
  })

  test('where there are no networks, nothing is made and nothing is wrong', async () => {
    const chain = openOut()
    await chain[Symbol.asyncDispose]()
    expect(chain.degraded).toEqual([])
    expect(existsSync(paths().config)).toBe(false)
    expect(await unchain(paths().config)).toEqual({ removed: [], stays: [] })
  })

  test.each([
    ['10-pods.conflist', '{"plugins":[{"type":"sekisho-cni"}', 'it is not JSON'],
    // Multus writes what it found into a configuration of its own.
    [
      '00-multus.conf',
      '{"type":"multus","delegates":[{"plugins":[{"type":"sekisho-cni"}]}]}',
      'one plugin only',
    ],
  ])('what cannot be taken out of %s is said', async (name, text, reason) => {
    mkdirSync(paths().config)
    writeFileSync(at(name), text)
    const chain = openOut()
    await vi.waitFor(() => expect(chain.degraded.join()).toContain('sekisho-cni stays in'))
    expect((await unchain(paths().config)).stays).toEqual([expect.stringContaining(reason)])
    expect(readFileSync(at(name), 'utf8')).toBe(text)
  })

  test.each<[string, (path: string) => void, string]>([
    ['10-x.conf', path => writeFileSync(path, '{"name":"a","type":"bridge"}'), 'it is of one plugin only'],
    ['10-x.conflist', path => writeFileSync(path, '{"name":'), 'it is not JSON'],
    ['10-x.conflist', path => symlinkSync('/nowhere', path), 'is not a regular file'],
  ])('%s is left as it is, and said', async (name, make, reason) => {
    const chain = open()
    make(at(name))
    await vi.waitFor(() => expect(chain.degraded.join()).toContain(reason))
    expect(chain.degraded[0]).toContain(at(name))
    expect(readdirSync(paths().config)).toEqual([name])
  })
})
