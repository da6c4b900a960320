import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  createNetns,
  deleteNetns,
  guests,
  links,
  openRouteFinder,
  watchLinks,
  withPrograms,
} from '../src/index.ts'
import { addressOf, libcSyscall } from '../src/libc.ts'
import { concat, u32le } from '../src/netlink/message.ts'
import { inNetns } from '../src/netns.ts'
import { describeAsRoot } from './privilege.ts'

const NAME = `gu${process.pid}`
const [HOST, POD, OTHER] = [`${NAME}-host`, `${NAME}-pod`, `${NAME}-other`]

const ip = (netns: string, ...lines: readonly string[]) =>
  execFileSync('ip', ['-n', netns, '-batch', '-'], { input: lines.join('\n') })

describeAsRoot('who is behind the interfaces of a host', () => {
  beforeAll(() => {
    for (const name of [HOST, POD, OTHER]) createNetns(name)[Symbol.dispose]()
    ip(
      HOST,
      'link set lo up',
      `link add veth-a index 70 type veth peer name eth0 index 71 netns ${POD}`,
      `link add veth-b type veth peer name eth0 netns ${OTHER}`,
      'link add br0 type bridge',
      'link set br0 up',
      'link set veth-a up',
      'link set veth-b master br0 up',
      'addr add 10.77.0.1/24 dev br0',
      'route add 10.78.0.2/32 dev veth-a',
      'route add fd78::2/128 dev veth-a',
      'route add default via 10.77.0.254',
    )
    ip(POD, 'link set eth0 up', 'addr add 10.78.0.2/32 dev eth0', 'addr add fd78::2/128 dev eth0 nodad')
    // A pair of its own with the very indexes of the pair between host and pod.
    ip(OTHER, 'link set eth0 up', 'addr add 10.77.0.2/24 dev eth0')
    ip(
      OTHER,
      'link add x index 71 type veth peer name y index 70',
      'addr add 10.78.0.2/32 dev x',
      'link set x up',
    )
  })
  afterAll(() => {
    for (const name of [HOST, POD, OTHER]) deleteNetns(name)
  })

  test('a veth leads to its guest, and not to one that has the same indexes', () => {
    const found = guests({ netns: HOST }).toSorted((a, b) => (a.interface < b.interface ? -1 : 1))
    expect(found).toEqual([
      { interface: 'veth-a', addresses: ['10.78.0.2', 'fd78::2'] },
      { interface: 'veth-b', addresses: ['10.77.0.2'] },
    ])
  })

  test('only those behind some links are asked for', () => {
    const behind = links({ netns: HOST }).filter(({ name }) => name === 'veth-b' || name === 'br0')
    expect(guests({ netns: HOST, behind })).toEqual([{ interface: 'veth-b', addresses: ['10.77.0.2'] }])
    expect(guests({ netns: HOST, behind: [] })).toEqual([])
  })

  test.each([
    ['10.78.0.2', 'veth-a', 32, 'unicast'],
    ['fd78::2', 'veth-a', 128, 'unicast'],
    ['10.77.0.9', 'br0', 24, 'unicast'],
    ['10.77.0.1', 'br0', 32, 'local'],
    ['192.0.2.1', 'br0', 0, 'unicast'],
  ])('%s leads to %s', (address, name, prefix, type) => {
    using finder = openRouteFinder({ netns: HOST })
    const names = new Map(links({ netns: HOST }).map(link => [link.index, link.name]))
    const route = finder.to(address)
    expect({ ...route, name: names.get(route?.link ?? 0) }).toMatchObject({ prefix, type, name })
    expect(route?.gateway).toBe(prefix === 0 ? '10.77.0.254' : undefined)
  })

  test.each(['fd99::1', 'nonsense'])('there is no way to %s', address => {
    using finder = openRouteFinder({ netns: HOST })
    expect(finder.to(address)).toBeUndefined()
  })

  test('routes are told of where they are asked for', async () => {
    let told = 0
    using _routes = watchLinks({ netns: HOST, routes: true, onChange: () => told++ })
    ip(HOST, 'route add 10.78.0.3/32 dev veth-a')
    await vi.waitFor(() => expect(told).toBeGreaterThan(0))
  })

  const index = (name: string): number => {
    const link = links({ netns: HOST }).find(each => each.name === name)
    if (!link) throw new Error(`no link ${name}`)
    return link.index
  }

  test('programs on a link are seen, by either way to attach them', () => {
    const asked = [index('veth-a'), index('veth-b'), index('br0')]
    expect(withPrograms(asked, { netns: HOST })).toEqual([])
    const tc = (...line: readonly string[]) => execFileSync('tc', ['-n', HOST, ...line])
    tc('qdisc', 'add', 'dev', 'veth-b', 'clsact')
    tc('filter', 'add', 'dev', 'veth-b', 'ingress', 'bpf', 'bytecode', '1,6 0 0 0')
    expect(withPrograms(asked, { netns: HOST })).toEqual([index('veth-b')])
    inNetns(HOST, () => attach(index('veth-a')))
    expect(withPrograms(asked, { netns: HOST })).toEqual([index('veth-a'), index('veth-b')])
  })
})

/** Loads a program that lets everything pass and attaches it as tcx does (bpf(2), BPF_PROG_LOAD and BPF_PROG_ATTACH). */
function attach(link: number): void {
  const call = process.arch === 'x64' ? 321 : 280
  // r0 = -1 (TCX_NEXT); exit
  const program = Uint8Array.of(0xb7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x95, 0, 0, 0, 0, 0, 0, 0)
  const license = new TextEncoder().encode('GPL\0')
  const pointer = (bytes: Uint8Array) => new Uint8Array(new BigUint64Array([addressOf(bytes)]).buffer)
  const [SCHED_CLS, TCX_INGRESS] = [3, 46]
  const load = concat(u32le(SCHED_CLS), u32le(2), pointer(program), pointer(license), new Uint8Array(96))
  const fd = libcSyscall(call, 5, load, load.length)
  expect(fd).toBeGreaterThan(0)
  const attached = concat(u32le(link), u32le(fd), u32le(TCX_INGRESS), new Uint8Array(52))
  expect(libcSyscall(call, 8, attached, attached.length)).toBe(0)
}
