import { type EpochMs, type Protocol, ruleId } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createModel,
  type EndSet,
  type FlowQuery,
  type Model,
  type PolicyDocument,
  prove,
  type QueryEnd,
} from '../src/index.ts'
import { type Point, type PointClass, Space } from '../src/prove/space.ts'
import { type Cluster, generateCluster, PORTS, RICH } from './cluster.ts'

/** One of the generated ends of rules has passed, the other not. */
const BETWEEN = Date.parse('2030-06-01T00:00:00Z') as EpochMs

function build({ namespaces, nodes, workloads, policies }: Cluster): Model {
  const model = createModel()
  model.update({
    namespaces: { set: namespaces },
    nodes: { set: nodes },
    workloads: { set: workloads },
    policies: { set: policies },
    now: BETWEEN,
  })
  return model
}

const OUTSIDE = ['203.0.113.7', '8.8.8.8', '169.254.169.254', '10.0.0.99', 'fd00:2::ffff', '2001:db8::1']
const PROTOCOLS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6', 'IP/47', 'IP/50']
/** Beside everything that is written anywhere. */
const NUMBERS = [...new Set(PORTS.flatMap(port => [port - 1, port, port + 1, port + 50]))]
const numbersOf = (protocol: Protocol): readonly number[] =>
  protocol.startsWith('IP/') ? [0] : protocol.startsWith('ICMP') ? [8, 9] : NUMBERS

function* flows(sources: readonly QueryEnd[], destinations: readonly QueryEnd[]): Generator<FlowQuery> {
  for (const source of sources)
    for (const destination of destinations) {
      if (source.workload !== undefined && source.workload === destination.workload) continue
      if (source.ip?.includes(':') !== destination.ip?.includes(':')) continue
      for (const protocol of PROTOCOLS)
        for (const port of numbersOf(protocol)) yield { source, destination, protocol, port }
    }
}

interface Asked {
  readonly set: EndSet
  readonly ends: readonly QueryEnd[]
}

/** Sets that a question may name, with the ends of some flows that are in them. */
function asked(cluster: Cluster, model: Model): readonly Asked[] {
  const nodes = cluster.nodes.flatMap(({ addresses }) => addresses)
  const isFree = (ip: string) => !model.workloadAt(ip)
  const workloads = cluster.workloads.map(({ id, namespace, name, addresses }) => ({
    set: { kind: 'workloads', namespace, name } as const,
    ends: addresses.filter(ip => model.workloadAt(ip)?.id === id).map(ip => ({ workload: id, ip })),
  }))
  return [
    ...workloads,
    { set: { kind: 'outside' }, ends: OUTSIDE.filter(isFree).map(ip => ({ ip })) },
    { set: { kind: 'nodes' }, ends: nodes.filter(isFree).map(ip => ({ ip })) },
  ]
}

/** What is known of a question from trying flows. */
function tried(model: Model, from: Asked, to: Asked, verdict: 'allow' | 'deny'): false | 'can' | 'sure' {
  let found: false | 'can' = false
  for (const query of flows(from.ends, to.ends)) {
    const decision = model.decide(query)
    if (decision.ingress.why === 'own-node') continue
    if (decision.inspect) found = 'can'
    else if ((decision.verdict === 'allow') === (verdict === 'allow')) return 'sure'
  }
  return found
}

const RANK = { false: 0, can: 1, sure: 2 } as const
const seeds = fc.integer({ min: 0, max: 1e6 })

describe('everything that the engine knows', () => {
  test('no flow contradicts an answer, and its witness is a flow with that answer', () => {
    const check = (model: Model, from: Asked, to: Asked, verdict: 'allow' | 'deny') => {
      const proof = prove(model, { kind: 'reach', from: from.set, to: to.set, verdict })
      if (proof.kind !== 'reach') throw new TypeError(proof.kind)
      const where = JSON.stringify([from.set, to.set, verdict])
      expect(RANK[`${proof.found}`], where).toBeGreaterThanOrEqual(RANK[`${tried(model, from, to, verdict)}`])
      for (const { query, decision } of proof.witnesses) {
        expect(model.decide(query), where).toEqual(decision)
        if (proof.found === 'sure') expect(decision.verdict === 'allow', where).toBe(verdict === 'allow')
        expect(decision.inspect !== undefined, where).toBe(proof.found === 'can')
      }
    }
    fc.assert(
      fc.property(seeds, seed => {
        const cluster = generateCluster(seed, { ...RICH, workloads: 6, policies: 6 })
        const model = build(cluster)
        const sets = asked(cluster, model)
        for (const from of sets)
          for (const to of sets) {
            if (from.set.kind !== 'workloads' && to.set.kind !== 'workloads') continue
            for (const verdict of ['allow', 'deny'] as const) check(model, from, to, verdict)
          }
      }),
      { numRuns: 10 },
    )
  })

  test('what one of a class may do, all of it may', () => {
    const other = (ip: string): Point => ({ end: { ip } })
    const said = (model: Model, member: Point, third: Point): string =>
      [...flows([member.end], [third.end]), ...flows([third.end], [member.end])]
        .map(query => JSON.stringify(model.decide(query)))
        .join('\n')
    const check = (model: Model, { members }: PointClass, thirds: readonly Point[]) => {
      for (const third of thirds) {
        // Nobody judges what is to itself, or from the own node.
        const judged = members.filter(
          ({ workload, end }) =>
            workload !== third.workload &&
            end.ip?.includes(':') === third.end.ip?.includes(':') &&
            !(workload && third.end.ip && model.index.nodeAddresses.has(workload.node, third.end.ip)),
        )
        expect(new Set(judged.map(member => said(model, member, third))).size).toBeLessThanOrEqual(1)
      }
    }
    fc.assert(
      fc.property(seeds, seed => {
        const cluster = generateCluster(seed, { ...RICH, workloads: 24, policies: 2, apps: 1 })
        // Without ports of their own, so that more of them are alike.
        const model = build({
          ...cluster,
          workloads: cluster.workloads.map(each => ({ ...each, ports: [] })),
        })
        const space = new Space(model)
        const classes = space.workloads({ kind: 'workloads' })
        const thirds = [
          ...classes.map(({ first }) => first),
          ...['203.0.113.7', '169.254.169.254', '192.168.0.1', 'fd00:2::ffff'].map(other),
        ]
        for (const each of classes) if (each.members.length > 1) check(model, each, thirds)
      }),
      { numRuns: 6 },
    )
  })

  test('a difference is a flow that is judged otherwise, and without one no flow is', () => {
    const check = (before: Model, after: Model, everything: readonly FlowQuery[]) => {
      const proof = prove(before, { kind: 'difference', after, limit: 1000 })
      if (proof.kind !== 'difference') throw new TypeError(proof.kind)
      for (const { query, decision, after: second, certainty } of proof.differences) {
        expect([before.decide(query), after.decide(query)]).toEqual([decision, second])
        const open = decision.inspect ?? second.inspect
        expect(open === undefined, certainty).toBe(certainty === 'sure')
        if (certainty === 'sure') expect(second.verdict).not.toBe(decision.verdict)
      }
      if (!proof.equivalent) return
      for (const query of everything) expect(after.decide(query).verdict).toBe(before.decide(query).verdict)
    }
    fc.assert(
      fc.property(seeds, seed => {
        const cluster = generateCluster(seed, { ...RICH, workloads: 6, policies: 6 })
        const before = build(cluster)
        const sets = asked(cluster, before)
        const everything = sets.flatMap(from =>
          sets
            .filter(to => [from, to].some(({ set }) => set.kind === 'workloads'))
            .flatMap(to => [...flows(from.ends, to.ends)]),
        )
        const judged = everything.filter(query => before.decide(query).ingress.why !== 'own-node')
        for (const gone of cluster.policies)
          check(before, build({ ...cluster, policies: cluster.policies.filter(one => one !== gone) }), judged)
      }),
      { numRuns: 3 },
    )
  })

  test('a rule is unneeded exactly where a cluster without it is the same', () => {
    fc.assert(
      fc.property(seeds, seed => {
        const cluster = generateCluster(seed, { ...RICH, workloads: 8, policies: 5 })
        const model = build(cluster)
        const proof = prove(model, { kind: 'unneeded' })
        if (proof.kind !== 'unneeded') throw new TypeError(proof.kind)
        const unneeded = new Set<string>(proof.rules.map(({ rule }) => rule))
        for (const { rule, witness, kind } of proof.rules) {
          expect(witness === undefined, rule).toBe(kind === 'unselected' || kind === 'unmatched')
          if (witness) expect(model.decide(witness.query), rule).toEqual(witness.decision)
        }
        for (const { rule, policy } of withoutEachRule(cluster.policies)) {
          const others = cluster.policies.filter(({ id }) => id !== policy.id)
          const after = build({ ...cluster, policies: [...others, policy] })
          const difference = prove(model, { kind: 'difference', after, limit: 1000 })
          if (difference.kind !== 'difference') throw new TypeError(difference.kind)
          const certain = difference.differences.some(({ certainty }) => certainty === 'sure')
          if (unneeded.has(rule)) expect(certain, rule).toBe(false)
          else expect(difference.equivalent, rule).toBe(false)
        }
      }),
      { numRuns: 8 },
    )
  })
})

/** Each rule that acts, and its policy with all others. */
const withoutEachRule = (policies: readonly PolicyDocument[]) =>
  policies
    .filter(({ mode }) => mode === 'Enforce')
    .flatMap(policy =>
      (['ingress', 'egress'] as const).flatMap(direction => {
        const section = policy.sections[direction]
        return (section?.rules ?? []).map((_, at) => ({
          rule: ruleId(policy.id, direction, at) as string,
          policy: {
            ...policy,
            sections: {
              ...policy.sections,
              [direction]: { ...section, rules: section?.rules.toSpliced(at, 1) },
            },
          } as PolicyDocument, // the same shape, less one rule
        }))
      }),
    )
