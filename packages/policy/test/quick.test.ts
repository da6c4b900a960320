import type { EpochMs, Protocol, WorkloadId } from '@sekisho/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createModel,
  type FlowFacts,
  type FlowQuery,
  type Model,
  type ModelChange,
  type QueryEnd,
} from '../src/index.ts'
import { decideEnds } from '../src/model/decide.ts'
import { findEnds } from '../src/model/ends.ts'
import { modelOf, networkPolicy, workload } from './builders.ts'
import { ClusterSource, nodeName, PORTS, RICH } from './cluster.ts'

const PROTOCOLS: readonly Protocol[] = ['TCP', 'TCP', 'UDP', 'SCTP', 'ICMP', 'IP/47', 'IP/50']
/** Also one that is not written canonically, and one that is no address. */
const OUTSIDE = ['203.0.113.7', '192.168.0.1', '192.168.0.2', '2001:db8::1', 'FD00:2::1', 'none']
const FACTS: readonly FlowFacts[] = [{}, { names: ['api.example.com'], application: 'http' }]
const TIMES = ['2029-06-01T00:00:00Z', '2030-06-01T00:00:00Z', '2032-01-01T00:00:00Z']

/** Another policy, mode, workload, owner of an address, namespace, node or time. */
function change(source: ClusterSource, model: Model): ModelChange {
  const { random, sizes } = source
  const workload = () => source.workload(random.below(sizes.workloads))
  const policy = () => source.policy(random.below(sizes.policies))
  const node = () => ({ name: nodeName(random.below(2)), addresses: random.shuffled(OUTSIDE).slice(0, 2) })
  const changes: readonly (() => ModelChange)[] = [
    () => ({ policies: { set: [policy()] } }),
    () => ({ policies: { set: [policy()], removed: [policy().id] } }),
    () => ({ workloads: { set: [workload()] } }),
    () => ({ workloads: { set: [workload(), workload()] } }),
    () => ({ workloads: { removed: [...model.workloads.keys()].slice(0, 1) } }),
    () => ({ namespaces: { set: [source.namespace(random.below(sizes.namespaces))] } }),
    () => ({ nodes: { set: [node()] } }),
    () => ({ now: Date.parse(random.pick(TIMES)) as EpochMs }),
  ]
  return random.pick(changes)()
}

/** Everything that the model was told, as one change. */
const whole = (model: Model): ModelChange => ({
  namespaces: { set: [...model.namespaces.values()] },
  nodes: { set: [...model.index.nodes()] },
  workloads: { set: [...model.workloads.values()] },
  policies: { set: [...model.policies.values()] },
  ...(model.index.now !== undefined && { now: model.index.now }),
})

/** Between ends that are named, addressed or both, whether they are there or not. */
function flow({ random }: ClusterSource, names: readonly WorkloadId[], ips: readonly string[]): FlowQuery {
  const end = (): QueryEnd =>
    random.pick<() => QueryEnd>([
      () => ({ ip: random.pick(ips) }),
      () => ({ workload: random.pick(names) }),
      () => ({ workload: random.pick(names), ip: random.pick(ips) }),
    ])()
  const [protocol, port] = [random.pick(PROTOCOLS), random.pick([...PORTS, 2 ** 40, 0.5])]
  return {
    source: end(),
    destination: end(),
    protocol,
    port,
    ...(random.chance(0.5) && { facts: random.pick(FACTS) }),
  }
}

test('numbers say what the evaluators say of a fresh model, whatever was asked and changed before', () => {
  const property = fc.property(fc.integer({ min: 0, max: 2 ** 31 }), seed => {
    const source = new ClusterSource(seed, RICH)
    const { namespaces, nodes, workloads, policies } = source.cluster()
    const model = createModel()
    model.update({
      namespaces: { set: namespaces },
      nodes: { set: nodes },
      workloads: { set: workloads },
      policies: { set: policies },
    })
    const names = workloads.map(({ id }) => id)
    const ips = [...workloads.flatMap(({ addresses }) => addresses), ...OUTSIDE]
    const asked = Array.from({ length: 25 }, () => flow(source, names, ips))
    for (let step = 0; step < 8; step++) {
      for (const query of asked) {
        model.decide(query)
        model.judge(query)
      }
      model.update(change(source, model))
      expectAsFresh(model, asked)
    }
  })
  fc.assert(property, { numRuns: 25 })
})

test('what was once compiled goes, and what is in force stays', () => {
  const model = modelOf([workload('shop/web', '10.0.0.1'), workload('shop/api', '10.0.0.2')])
  const query = {
    source: { ip: '10.0.0.1' },
    destination: { ip: '10.0.0.2' },
    protocol: 'TCP',
    port: 80,
  } as const
  const at = (port: number) => networkPolicy('shop/p', { podSelector: {}, ingress: [{ ports: [{ port }] }] })
  for (let turn = 0; turn < 4500; turn++) {
    model.update({ policies: { set: [at(turn % 2 === 0 ? 80 : 81)] } })
    expect(model.decide(query).verdict).toBe(turn % 2 === 0 ? 'allow' : 'deny')
  }
})

function expectAsFresh(model: Model, asked: readonly FlowQuery[]): void {
  const fresh = createModel()
  fresh.update(whole(model))
  for (const query of asked) {
    const decide = (policies: 'enforce' | 'audit', acting = false) =>
      decideEnds(fresh.index, { query, ends: findEnds(fresh.index, query), policies, acting })
    const where = JSON.stringify(query)
    expect(model.decide(query), where).toEqual(decide('enforce'))
    expect(model.decide(query, 'audit'), where).toEqual(decide('audit'))
    const [enforced, audited] = [decide('enforce', true), decide('audit', true)]
    const outcome =
      enforced.verdict !== 'allow' ? 'denied' : audited.verdict !== 'allow' ? 'audited' : 'allowed'
    expect(model.judge(query), where).toEqual({
      outcome,
      decision: outcome === 'audited' ? audited : enforced,
    })
  }
}
