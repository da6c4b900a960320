import { canonicalIp, parseCidr, parseIp } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { APPS, SERVICES } from '../src/cluster.ts'
import { netnsNames, onlyPod, planLab, podsOf, workloadsFile } from '../src/plan.ts'

const plan = planLab()
const unique = (values: readonly string[]) => new Set(values).size === values.length

describe('the address plan', () => {
  test('no address, interface, namespace or workload is given twice', () => {
    expect(unique(plan.pods.flatMap(pod => [pod.ip4, pod.ip6]))).toBe(true)
    expect(unique(plan.pods.map(pod => pod.interface))).toBe(true)
    expect(unique(plan.pods.map(pod => pod.workload.id))).toBe(true)
    expect(unique(netnsNames(plan))).toBe(true)
    expect(unique(SERVICES.flatMap(({ ip4, ip6 }) => (ip6 === undefined ? [ip4] : [ip4, ip6])))).toBe(true)
  })

  test.each(plan.pods.map(pod => [pod.key, pod] as const))(
    '%s is as a manifest would have it',
    (_key, pod) => {
      const { workload } = pod
      // IFNAMSIZ, with its final zero byte: the kernel would refuse a longer name.
      expect(pod.interface.length).toBeLessThanOrEqual(15)
      expect(workload.addresses.map(ip => canonicalIp(ip))).toEqual([pod.ip4, pod.ip6])
      expect(parseIp(pod.ip4)?.family).toBe(4)
      expect(parseIp(pod.ip6)?.family).toBe(6)
      expect(workload.labels['app.kubernetes.io/name']).toBe(pod.app.name)
      expect(workload.interface).toBe(pod.interface)
      for (const [key, value] of Object.entries(workload.labels)) {
        expect(key).toMatch(/^(?:[a-z.]+\/)?[a-z-]+$/)
        expect(value.length).toBeLessThanOrEqual(63)
      }
    },
  )

  test('every pod is in the ranges that the node masquerades', () => {
    const ranges = ['10.66.0.0/16', 'fd66::/64'].map(parseCidr)
    for (const ip of plan.pods.flatMap(pod => [pod.ip4, pod.ip6])) {
      const address = parseIp(ip)
      const inside = ranges.some(
        range =>
          range.ok && address && range.value.first <= address.value && address.value <= range.value.last,
      )
      expect(inside, ip).toBe(true)
    }
  })

  test('the shop, its payments, its watchers and its system: four namespaces, 15 pods', () => {
    expect(plan.namespaces.map(({ name }) => name)).toEqual(['shop', 'payments', 'monitoring', 'kube-system'])
    expect(plan.namespaces.every(({ name, labels }) => labels['kubernetes.io/metadata.name'] === name)).toBe(
      true,
    )
    expect(plan.pods).toHaveLength(15)
    expect(JSON.parse(workloadsFile(plan))).toEqual({
      namespaces: plan.namespaces,
      workloads: plan.pods.map(pod => pod.workload),
    })
  })

  test('what a program starts after, and what a service leads to, is there', () => {
    const known = new Set([
      ...APPS.map(app => `${app.namespace}/${app.name}`),
      'internet-dns',
      'internet-sites',
    ])
    expect(APPS.flatMap(app => app.startsAfter ?? []).filter(name => !known.has(name))).toEqual([])
    for (const { namespace, app } of SERVICES) expect(podsOf(plan, namespace, app)).not.toEqual([])
  })
})

describe('a program that is not installed', () => {
  const without = planLab('sekisho', new Set(['postgres', 'redis'] as const))

  test('leaves out its pods and their services, and moves no other', () => {
    expect(podsOf(without, 'payments', 'db')).toEqual([])
    expect(without.services.map(({ name }) => name)).not.toContain('db')
    expect(onlyPod(without, 'payments', 'ledger')).toEqual(onlyPod(plan, 'payments', 'ledger'))
    expect(without.pods).toHaveLength(13)
  })
})

test('another prefix makes a lab beside the first', () => {
  const other = planLab('other')
  const names = new Set(netnsNames(plan))
  expect(netnsNames(other).filter(name => names.has(name))).toEqual([])
  expect(other.nodeNetns).toBe('other-node')
})
