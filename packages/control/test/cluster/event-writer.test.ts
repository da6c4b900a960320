import type { NodeName, PolicyId, Problem } from '@sekisho/core'
import { NETWORK_POLICIES, type ResourceType } from '@sekisho/kube'
import { validatePolicy } from '@sekisho/policy'
import { expect, onTestFinished, test } from 'vitest'
import { EventWriter } from '../../src/cluster/event-writer.ts'
import type { ClusterPolicy } from '../../src/cluster/policy-mirror.ts'
import { Rounds } from './rounds.ts'

const WRONG: readonly Problem[] = [{ document: 0, path: 'spec.podSelector', reason: 'must be a map' }]

function policy(
  of: { name?: string; problems?: readonly Problem[]; type?: ResourceType } = {},
): ClusterPolicy {
  const { name = 'web', problems = [], type = NETWORK_POLICIES } = of
  const read = validatePolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'shop' },
    spec: { podSelector: {} },
  })
  return {
    id: `${type.kind}/shop/${name}` as PolicyId,
    type,
    object: {
      name,
      namespace: type.namespaced ? 'shop' : '',
      uid: `uid-${name}`,
      generation: 1,
      status: undefined,
    },
    document: problems.length === 0 && read.ok ? read.value : undefined,
    problems,
  }
}

function setUp(...policies: readonly ClusterPolicy[]) {
  const rounds = new Rounds()
  onTestFinished(() => expect(rounds.troubles.filter(([, isTrouble]) => isTrouble)).toEqual([]))
  const world = {
    leads: true,
    current: new Map(policies.map(each => [each.id, each])),
    degraded: new Map<NodeName, readonly string[]>(),
  }
  const writer = new EventWriter({
    watch: rounds.watch,
    mirror: world,
    externals: { current: new Map(), settled: () => undefined },
    policies: { get: () => undefined },
    enforcing: () => ({ inspection: true }),
    degraded: () => world.degraded,
    identity: 'server-1',
    leads: () => world.leads,
  })
  return Object.assign(rounds.begin(writer), { world })
}

test('a NetworkPolicy that cannot be read is warned of beside it, once, with path and reason', async () => {
  await using writer = setUp(policy(), policy({ name: 'wrong', problems: WRONG }))
  await writer.round()
  await writer.round()
  expect(writer.calls).toHaveLength(1)
  expect(writer.calls[0]).toMatchObject({
    method: 'PATCH',
    path: expect.stringMatching(/^\/api\/v1\/namespaces\/shop\/events\/wrong\.[0-9a-f]{16}$/),
    body: {
      type: 'Warning',
      reason: 'Invalid',
      message: 'Refused whole: spec.podSelector: must be a map.',
      involvedObject: { kind: 'NetworkPolicy', name: 'wrong', namespace: 'shop', uid: 'uid-wrong' },
      count: 1,
      lastTimestamp: '2026-05-01T12:00:00Z',
    },
  })
})

test('it is counted again before the API server forgets it, under the same name', async () => {
  await using writer = setUp(policy({ problems: WRONG }))
  await writer.round()
  await writer.round(31 * 60_000)
  expect(writer.calls.map(({ path }) => path)).toEqual([writer.calls[0]?.path, writer.calls[0]?.path])
  expect(writer.calls[1]).toMatchObject({ body: { count: 2, firstTimestamp: '2026-05-01T12:00:00Z' } })
})

test('a policy that was mended is not spoken of, and is when it is wrong again', async () => {
  const wrong = policy({ problems: WRONG })
  await using writer = setUp(wrong)
  await writer.round()
  writer.world.current.set(wrong.id, policy())
  await writer.round()
  writer.world.current.set(wrong.id, wrong)
  await writer.round()
  expect(writer.calls).toHaveLength(2)
})

test("what is not enforced is said of a cluster's policy in the default namespace", async () => {
  const read = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'ClusterSecurityPolicy',
    metadata: { name: 'hosts' },
    spec: { subject: { hostSelector: {} }, ingress: [] },
  })
  if (!read.ok) throw new Error(read.error[0]?.reason)
  const type = {
    group: 'sekisho.dev',
    version: 'v1alpha1',
    kind: 'ClusterSecurityPolicy',
    plural: 'x',
    namespaced: false,
  }
  await using writer = setUp({ ...policy({ name: 'hosts', type }), document: read.value })
  await writer.round()
  expect(writer.calls[0]).toMatchObject({
    path: expect.stringContaining('/namespaces/default/events/hosts.'),
    body: { reason: 'NotEnforced', message: expect.stringContaining('is about hosts') },
  })
})

test('a thousand at once are told in rounds, and only by who leads', async () => {
  const many = Array.from({ length: 120 }, (_, i) => policy({ name: `p${i}`, problems: WRONG }))
  await using writer = setUp(...many)
  writer.world.leads = false
  await writer.round()
  const before = writer.calls.length
  await writer.round()
  expect(writer.calls).toHaveLength(before)
  writer.world.leads = true
  await writer.round()
  expect(writer.calls).toHaveLength(before + 50)
  await writer.round()
  await writer.round()
  const names = new Set(writer.calls.map(({ path }) => path))
  expect(names.size).toBe(120)
})

test('what a node cannot do is said beside the node, as its kubelet would, until it can', async () => {
  await using writer = setUp()
  writer.world.degraded.set('node-1' as NodeName, ['No br_netfilter.', 'IPVS is used.'])
  await writer.round()
  await writer.round()
  expect(writer.calls).toHaveLength(1)
  expect(writer.calls[0]).toMatchObject({
    path: expect.stringContaining('/namespaces/default/events/node-1.'),
    body: {
      type: 'Warning',
      reason: 'Degraded',
      message: 'No br_netfilter. IPVS is used.',
      involvedObject: { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'node-1' },
    },
  })
  writer.world.degraded.clear()
  await writer.round(31 * 60_000)
  expect(writer.calls).toHaveLength(1)
})
