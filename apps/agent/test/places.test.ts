import type { Workload } from '@sekisho/core'
import type { Link, Route } from '@sekisho/linux'
import { expect, test } from 'vitest'
import { findPlaces, type Place, type Places, type Surroundings } from '../src/kernel/places.ts'
import { workload } from './builders.ts'

const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
  index,
  name,
  up: true,
  loopback: false,
  ...more,
})
const LINKS = [
  link(1, 'lo', { loopback: true }),
  link(2, 'eth0'),
  link(3, 'cali1', { kind: 'veth' }),
  link(4, 'cali2', { kind: 'veth' }),
  link(5, 'cilium_host', { kind: 'veth' }),
  link(6, 'br0', { kind: 'bridge' }),
  link(7, 'ovs', { kind: 'openvswitch' }),
  link(8, 'vrfport', { kind: 'veth', master: 9 }),
]
const route = (to: string, more: Partial<Route> = {}): Route => {
  const six = to.includes(':')
  return { family: six ? 6 : 4, prefix: six ? 128 : 32, type: 'unicast', ...more }
}
/** Where addresses lead, by name of the link; behind a bridge the port, if it is known. */
const around = (
  routes: Readonly<Record<string, Partial<Route>>>,
  ports: Record<string, string> = {},
): Surroundings => ({
  routeTo: ip => {
    const found = routes[ip]
    return found && route(ip, found)
  },
  link: index => LINKS.find(each => each.index === index),
  portAt: (ip, bridge) => (bridge === 6 ? ports[ip] : undefined),
})
const NONE: Places = new Map()
const [A, B] = ['10.0.0.1', 'fd00::1']
const both: Partial<Workload> = { addresses: [A, B] }

test.each<[string, Surroundings, Partial<Workload>, Place]>([
  [
    'a route of its own',
    around({ [A]: { link: 3 }, [B]: { link: 3 } }),
    both,
    { kind: 'interface', interface: 'cali1' },
  ],
  ['routes that part', around({ [A]: { link: 3 }, [B]: { link: 4 } }), both, { kind: 'address' }],
  ['one address without a way', around({ [A]: { link: 3 } }), both, { kind: 'address' }],
  ['a route that others share', around({ [A]: { link: 5, prefix: 24 } }), {}, { kind: 'address' }],
  ['a gateway', around({ [A]: { link: 3, gateway: '10.0.0.9' } }), {}, { kind: 'address' }],
  ['the node itself', around({ [A]: { link: 1, type: 'local' } }), {}, { kind: 'address' }],
  ['a VRF', around({ [A]: { link: 8 } }), {}, { kind: 'address' }],
  ['the way out', around({ [A]: { link: 2, prefix: 24 } }), {}, { kind: 'elsewhere', through: 'eth0' }],
  [
    'a switch of its own',
    around({ [A]: { link: 7, prefix: 16 } }),
    {},
    { kind: 'elsewhere', through: 'ovs' },
  ],
  [
    'a bridge',
    around({ [A]: { link: 6, prefix: 24 } }, { [A]: 'veth1' }),
    {},
    { kind: 'port', interface: 'veth1' },
  ],
  ['a bridge, behind an unknown port', around({ [A]: { link: 6, prefix: 24 } }), {}, { kind: 'port' }],
  ['an interface that is known', around({}), { interface: 'pod0' }, { kind: 'interface', interface: 'pod0' }],
])('%s', (_name, surroundings, changes, place) => {
  const own = workload('a', changes)
  expect(findPlaces([own], surroundings, NONE).get(own.id)).toEqual(place)
})

test.each<[string, Partial<Workload>]>([
  ['shares the node’s network', { hostNetwork: true }],
  ['has ended', { state: 'finished' }],
  ['is a host', { kind: 'host' }],
  ['has no address yet', { addresses: [] }],
])('what %s has no place', (_name, changes) => {
  expect(findPlaces([workload('a', changes)], around({ [A]: { link: 3 } }), NONE).size).toBe(0)
})

test('an interface is one workload’s: who had it keeps it, and of two who come together neither gets it', () => {
  const [a, b] = [workload('a'), workload('b', { addresses: ['10.0.0.2'] })]
  const same = around({ [A]: { link: 3 }, '10.0.0.2': { link: 3 } })
  const kinds = (places: Places) => [a, b].map(({ id }) => places.get(id)?.kind)
  expect(kinds(findPlaces([a, b], same, NONE))).toEqual(['address', 'address'])
  expect(kinds(findPlaces([a, b], same, findPlaces([b], same, NONE)))).toEqual(['address', 'interface'])
})

test('an address that passes to a new workload is the new one’s', () => {
  const [old, now] = [workload('a', { state: 'terminating' }), workload('b')]
  const places = findPlaces([old, now], around({ [A]: { link: 3 } }), NONE)
  expect([places.get(old.id)?.kind, places.get(now.id)?.kind]).toEqual(['address', 'interface'])
})
