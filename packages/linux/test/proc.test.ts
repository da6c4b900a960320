import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ContainerName, containerOf, serviceOf, services } from '../src/index.ts'
import { cgroupPaths } from '../src/proc/cgroup.ts'
import { processes } from '../src/proc/processes.ts'
import { parseSocketTable } from '../src/proc/socket-table.ts'

const ID = '0123456789abcdef'.repeat(4)
const POD = '1b4e28ba-2fa1-11d2-883f-0016d3cca427'

describe('control groups', () => {
  test.each<[string, ContainerName | undefined]>([
    [`/system.slice/docker-${ID}.scope`, { runtime: 'docker', id: ID }],
    [`/docker/${ID}`, { runtime: 'docker', id: ID }],
    [`/docker/${ID}/init.scope`, { runtime: 'docker', id: ID }],
    [`/machine.slice/libpod-${ID}.scope/container`, { runtime: 'podman', id: ID }],
    [
      `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`,
      { runtime: 'podman', id: ID },
    ],
    [`/system.slice/nerdctl-${ID}.scope`, { runtime: 'containerd', id: ID }],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
      { runtime: 'containerd', id: ID, pod: POD },
    ],
    [`/kubepods/besteffort/pod${POD}/${ID}`, { runtime: 'containerd', id: ID, pod: POD }],
    [
      `/kubepods.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice/crio-${ID}.scope`,
      { runtime: 'cri-o', id: ID, pod: POD },
    ],
    ['/lxc.payload.web-1', { runtime: 'lxc', id: 'web-1' }],
    ['/lxc/web-1', { runtime: 'lxc', id: 'web-1' }],
    [`/machine.slice/libpod-conmon-${ID}.scope`, undefined],
    [`/somewhere/${ID}`, undefined],
    [`/system.slice/docker-${ID.slice(1)}.scope`, undefined],
    ['/system.slice/docker.service', undefined],
    ['/', undefined],
  ])('%s', (path, name) => expect(containerOf(path)).toEqual(name))

  test.each([
    ['/system.slice/nginx.service', 'nginx'],
    ['/system.slice/system-postgresql.slice/postgresql@17-main.service', 'postgresql@17-main'],
    ['/system.slice/docker.service/inner', 'docker'],
    ['/user.slice/user-0.slice/user@0.service', undefined],
    [`/system.slice/docker-${ID}.scope`, undefined],
  ])('service of %s', (path, unit) => expect(serviceOf(path)).toBe(unit))

  test('v1, v2 and hybrid lines', () => {
    const source = `12:memory:/docker/${ID}\n1:name=systemd:/docker/${ID}\n0::/system.slice/a:b.service\n`
    expect(cgroupPaths(source)).toEqual([`/docker/${ID}`, '/system.slice/a:b.service'])
  })
})

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 4711 1 ffff 100 0 0 10 0
   1: 0100007F:1538 0100007F:D431 01 00000000:00000000 00:00000000 00000000   101        0 4712 1 ffff 20 4 30 10 -1
`
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 ffff 100 0 0 10 0
   1: 000066FD000000000000000002000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 ffff 100 0 0 10 0
`
const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  214: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 4715 2 ffff 0
`

test('listening sockets are read from the kernel’s tables, others are not', () => {
  expect(parseSocketTable('TCP', TCP)).toEqual([
    { protocol: 'TCP', address: '127.0.0.1', port: 5432, inode: 4711 },
  ])
  expect(parseSocketTable('TCP', TCP6).map(({ address, port }) => [address, port])).toEqual([
    ['::', 80],
    ['fd66::2', 443],
  ])
  expect(parseSocketTable('UDP', UDP)).toEqual([
    { protocol: 'UDP', address: '127.0.0.1', port: 53, inode: 4715 },
  ])
  expect(parseSocketTable('TCP', 'nonsense\n 0: 01:02 03:04 0A')).toEqual([])
})

describe('a proc tree', () => {
  let proc = ''
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'sekisho-proc-'))
    mkdirSync(join(proc, 'self/ns'), { recursive: true })
    symlinkSync('net:[1]', join(proc, 'self/ns/net'))
  })
  afterEach(() => rmSync(proc, { recursive: true }))

  function add(pid: number, cgroup: string, { netns = 1, sockets = [] as readonly number[] } = {}): void {
    const at = (name: string) => join(proc, String(pid), name)
    for (const folder of ['ns', 'fd', 'net']) mkdirSync(at(folder), { recursive: true })
    symlinkSync(`net:[${netns}]`, at('ns/net'))
    writeFileSync(at('cgroup'), `0::${cgroup}\n`)
    for (const [i, inode] of sockets.entries()) symlinkSync(`socket:[${inode}]`, at(`fd/${i + 3}`))
    for (const [name, text] of Object.entries({ tcp: TCP, tcp6: TCP6, udp: UDP, udp6: '' })) {
      writeFileSync(at(`net/${name}`), text)
    }
  }

  test('services are found with the sockets any of their processes holds', () => {
    add(10, '/system.slice/postgresql.service', { sockets: [4711, 4712] })
    add(11, '/system.slice/nginx.service', { sockets: [4713] })
    add(12, '/system.slice/nginx.service', { sockets: [4713, 4714] })
    add(13, '/system.slice/cron.service', { sockets: [99] })
    add(14, '/system.slice/elsewhere.service', { netns: 2, sockets: [4715] })
    const found = services(proc).map(({ unit, sockets }) => [unit, sockets.map(({ port }) => port)])
    expect(found).toEqual([
      ['postgresql', [5432]],
      ['nginx', [80, 443]],
    ])
  })

  test('a process that ends while it is read is left out', () => {
    add(10, '/a')
    mkdirSync(join(proc, '11'))
    writeFileSync(join(proc, 'uptime'), '')
    expect(processes(proc)).toEqual([{ pid: 10, netns: 1, cgroups: ['/a'] }])
  })
})
