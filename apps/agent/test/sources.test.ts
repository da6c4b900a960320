import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeName } from '@sekisho/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Inventory } from '../src/server/message.ts'
import { inventoryOf } from '../src/sources/containers.ts'
import { fileSource } from '../src/sources/file.ts'
import { startSources } from '../src/sources/inventory.ts'
import { readContainerd } from '../src/sources/runtime/containerd.ts'
import { readDocker } from '../src/sources/runtime/docker.ts'
import { readPodmanStorage } from '../src/sources/runtime/podman.ts'
import type { SourceListener, WorkloadSource } from '../src/sources/source.ts'
import { inventoryOf as servicesOf } from '../src/sources/systemd.ts'
import { NODE, SHOP, workload } from './builders.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sekisho-sources-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const inventory = (...names: readonly string[]): Inventory => ({
  namespaces: [SHOP],
  workloads: names.map(name => workload(name)),
})

describe('the file', () => {
  const path = () => join(directory, 'workloads.json')
  const replace = (content: unknown) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(`${path()}.new`, text)
    renameSync(`${path()}.new`, path())
  }
  function watching() {
    const listener = { onInventory: vi.fn(), onEvent: vi.fn(), onDegraded: vi.fn() } satisfies SourceListener
    const running = fileSource({ path: path(), node: NODE }).start(listener)
    const names = () =>
      (listener.onInventory.mock.lastCall?.[0] as Inventory | undefined)?.workloads.map(w => w.name)
    return { listener, names, running }
  }

  test('is read at once and followed through renames', async () => {
    replace(inventory('a'))
    const { names, running, listener } = watching()
    expect(names()).toEqual(['a'])
    for (const name of ['b', 'c']) {
      replace(inventory('a', name))
      await vi.waitFor(() => expect(names()).toEqual(['a', name]))
    }
    expect(listener.onEvent).not.toHaveBeenCalled()
    await running[Symbol.asyncDispose]()
  })

  test.each<[string, unknown, string]>([
    ['cut off', '{"namespaces":[', 'not JSON'],
    ['another shape', { workloads: [] }, 'namespaces is not a list'],
    [
      'a label that is no text',
      { ...inventory(), workloads: [{ ...workload('b'), labels: { a: 1 } }] },
      'labels.a',
    ],
    [
      'an address that is none',
      { ...inventory(), workloads: [workload('b', { addresses: ['10.0.0.01'] })] },
      'addresses[0]',
    ],
    ['a workload twice', inventory('b', 'b'), 'listed twice'],
    [
      'a workload of another node',
      { ...inventory(), workloads: [workload('b', { node: 'n2' as NodeName })] },
      'node n2',
    ],
  ])('that is %s is refused once, whole, and the last good one stays', async (_name, bad, reason) => {
    replace(inventory('a'))
    const { names, running, listener } = watching()
    replace(bad)
    await vi.waitFor(() => expect(listener.onEvent).toHaveBeenCalled())
    expect(listener.onEvent.mock.lastCall?.[0]).toMatchObject({
      code: 'workloads-refused',
      details: { reason: expect.stringContaining(reason) as unknown },
    })
    expect(names()).toEqual(['a'])
    expect(listener.onDegraded.mock.lastCall?.[0]).toHaveLength(1)
    replace(inventory('c'))
    await vi.waitFor(() => expect(names()).toEqual(['c']))
    expect(listener.onDegraded).toHaveBeenLastCalledWith([])
    expect(listener.onEvent).toHaveBeenCalledOnce()
    await running[Symbol.asyncDispose]()
  })

  test('that comes late is taken when it comes', async () => {
    const { names, running, listener } = watching()
    expect(listener.onEvent).toHaveBeenCalledOnce()
    replace(inventory('a'))
    await vi.waitFor(() => expect(names()).toEqual(['a']))
    await running[Symbol.asyncDispose]()
  })
})

test('several sources are one inventory, told when each has spoken', async () => {
  const listeners = new Map<string, SourceListener>()
  const source = (name: string): WorkloadSource => ({
    name,
    start(listener) {
      listeners.set(name, listener)
      return { [Symbol.asyncDispose]: () => Promise.resolve() }
    },
  })
  const onInventory = vi.fn()
  await using sources = startSources({
    sources: [source('x'), source('y')],
    onInventory,
    onEvent: () => undefined,
  })
  listeners.get('y')?.onInventory(inventory('b'))
  expect(onInventory).not.toHaveBeenCalled()
  listeners
    .get('x')
    ?.onInventory({ ...inventory('a'), workloads: [workload('a'), workload('b', { labels: {} })] })
  expect(onInventory).toHaveBeenLastCalledWith({
    namespaces: [SHOP],
    workloads: [workload('a'), workload('b', { labels: {} })],
  })
  listeners.get('x')?.onDegraded(['no socket'])
  expect(sources.degraded).toEqual(['no socket'])
})

describe('runtimes', () => {
  const ID = 'ab'.repeat(32)

  test('Docker’s list, as its socket answers it', async () => {
    const socket = join(directory, 'docker.sock')
    const body = JSON.stringify([
      {
        Id: ID,
        Names: ['/shop-web-1'],
        Image: 'nginx:1.29',
        Labels: {
          'com.docker.compose.project': 'shop',
          'com.docker.compose.service': 'web',
          huge: 'x'.repeat(2_000),
        },
        Ports: [
          { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
          { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        ],
      },
    ])
    const server = createServer((request, response) =>
      response.end(request.url === '/containers/json' ? body : ''),
    )
    await new Promise<void>(resolve => server.listen(socket, resolve))
    try {
      expect(await readDocker(socket)).toEqual([
        {
          id: ID,
          name: 'shop-web-1',
          image: 'nginx:1.29',
          labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
          ports: [{ name: 'tcp-80', protocol: 'TCP', port: 80 }],
        },
      ])
    } finally {
      server.close()
    }
    expect(await readDocker(join(directory, 'nobody.sock'))).toEqual([])
  })

  test('containerd’s bundles, with the CRI plugin’s annotations', async () => {
    const bundle = join(directory, 'k8s.io', ID)
    mkdirSync(bundle, { recursive: true })
    mkdirSync(join(directory, 'k8s.io', 'broken'))
    writeFileSync(join(directory, 'k8s.io', 'broken', 'config.json'), '{')
    const annotations = {
      'io.kubernetes.cri.sandbox-namespace': 'shop',
      'io.kubernetes.cri.sandbox-name': 'web-1',
      'io.kubernetes.cri.container-name': 'nginx',
      'io.kubernetes.cri.image-name': 'docker.io/library/nginx:1.29',
    }
    writeFileSync(join(bundle, 'config.json'), JSON.stringify({ ociVersion: '1.2.0', annotations }))
    expect(await readContainerd(directory)).toMatchObject([
      {
        id: ID,
        name: 'nginx',
        pod: { namespace: 'shop', name: 'web-1' },
        image: 'docker.io/library/nginx:1.29',
      },
    ])
    expect(await readContainerd(join(directory, 'none'))).toEqual([])
  })

  test('Podman’s storage', async () => {
    const path = join(directory, 'containers.json')
    writeFileSync(
      path,
      JSON.stringify([{ id: ID, names: ['web'], metadata: '{"image-name":"nginx"}', flags: {} }]),
    )
    expect(await readPodmanStorage(path)).toEqual([
      { id: ID, name: 'web', image: 'nginx', labels: {}, ports: [] },
    ])
    writeFileSync(path, '{}')
    await expect(readPodmanStorage(path)).rejects.toThrow('not a list')
  })

  test('containers become workloads: a pod is one, a container without records is found all the same', () => {
    const sandbox = (id: string, changes: object = {}) => ({
      netns: 1,
      pid: 1,
      host: false,
      containers: [{ runtime: 'docker' as const, id, pid: 1 }],
      addresses: ['172.17.0.2'],
      ...changes,
    })
    const facts = (id: string, name: string, changes: object = {}) =>
      [id, { id, name, labels: {}, ports: [], ...changes }] as const
    const { workloads, namespaces } = inventoryOf(
      [
        sandbox('a', { interface: 'veth1' }),
        sandbox('b', {
          containers: ['b', 'c'].map(id => ({ runtime: 'containerd', id, pid: 2 })),
          addresses: ['10.1.0.2', 'fd00::2'],
        }),
        sandbox('0123456789abcdef'),
      ],
      new Map([
        facts('a', 'shop-web-1', {
          labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
        }),
        facts('b', 'POD', { pod: { namespace: 'pay', name: 'ledger-0' } }),
      ]),
      { node: NODE, netns: undefined },
    )
    expect(
      workloads.map(({ id, owner, addresses, interface: link }) => [id, owner.name, addresses[0], link]),
    ).toEqual([
      ['container:containers/0123456789ab', '0123456789ab', '172.17.0.2', undefined],
      ['container:shop/shop-web-1', 'web', '172.17.0.2', 'veth1'],
      ['pod:pay/ledger-0', 'ledger-0', '10.1.0.2', undefined],
    ])
    expect(namespaces.map(({ name }) => name)).toEqual(['containers', 'pay', 'shop'])
  })

  test('services are shown with the ports that others can reach', () => {
    const socket = (port: number, address: string) => ({
      protocol: 'TCP' as const,
      address,
      port,
      inode: port,
    })
    const { workloads } = servicesOf(
      [{ unit: 'nginx', sockets: [socket(443, '::'), socket(80, '0.0.0.0'), socket(8080, '127.0.0.1')] }],
      NODE,
      ['192.0.2.1'],
    )
    expect(workloads).toMatchObject([
      { kind: 'service', name: 'nginx', hostNetwork: true, addresses: ['192.0.2.1'] },
    ])
    expect(workloads[0]?.ports.map(({ name }) => name)).toEqual(['tcp-80', 'tcp-443'])
  })
})
