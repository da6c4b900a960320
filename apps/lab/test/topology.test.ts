import { expect, test } from 'vitest'
import { clusterDns, internetDns, resolvConf } from '../src/configs.ts'
import { onlyPod, planLab } from '../src/plan.ts'
import { nodeCommands, podCommands, serviceTable } from '../src/topology.ts'

const plan = planLab('t')

test('a pod is routed, not bridged: host routes on both sides and one link-local gateway', () => {
  const cart = onlyPod(plan, 'shop', 'cart')
  expect(podCommands(cart)).toEqual([
    'link set lo up',
    'link set eth0 addrgenmode none',
    'address add 10.66.1.14/32 dev eth0',
    'address add fd66::1:14/128 dev eth0 nodad',
    'address add fe80::2/64 dev eth0 nodad',
    'link set eth0 up',
    'route add 169.254.1.1/32 dev eth0 scope link',
    'route add default via 169.254.1.1 dev eth0',
    'route add default via fe80::1 dev eth0',
  ])
  expect(nodeCommands(plan).filter(command => command.includes('shop-cart'))).toEqual([
    'link add shop-cart type veth peer name eth0 netns t-shop-cart',
    'link set shop-cart addrgenmode none',
    'address add 169.254.1.1/32 dev shop-cart scope link',
    'address add fe80::1/64 dev shop-cart nodad',
    'link set shop-cart up',
    'route add 10.66.1.14/32 dev shop-cart scope link src 10.66.0.1',
    'route add fd66::1:14/128 dev shop-cart src fd66::1',
  ])
})

test('a service is spread over its pods, in both families where it has both', () => {
  const table = serviceTable(plan)
  const api = '10.66.1.12 . 8080, 1 : 10.66.1.13 . 8080'
  expect(table).toContain(`ip daddr 10.96.1.2 tcp dport 80 dnat ip to numgen random mod 2 map { 0 : ${api} }`)
  expect(table).toContain('ip6 daddr fd96::1:2 tcp dport 80 dnat ip6 to numgen random mod 2')
  expect(table).toContain('ip daddr 10.96.0.10 udp dport 53')
  expect(table).toContain('ip daddr 10.96.0.10 tcp dport 53')
})

test('names are as in a cluster, and the pool is on the internet', () => {
  expect(resolvConf('shop')).toContain('search shop.svc.cluster.local svc.cluster.local cluster.local\n')
  expect(clusterDns(plan)).toContain('host-record=api.shop.svc.cluster.local,10.96.1.2,fd96::1:2\n')
  expect(clusterDns(plan)).not.toContain('pool.mining.example')
  expect(internetDns()).toContain('host-record=pool.mining.example,203.0.113.33\n')
})
