import { type EpochMs, isConversed, type Protocol } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createModel,
  createTableCompiler,
  decideByTable,
  type FlowQuery,
  type Model,
  type ModelChange,
  type ModelDelta,
  mergeDeltas,
  type RuleTable,
  type SideDecision,
  type TableChange,
  type Treatment,
  treatByTable,
} from '../src/index.ts'
import { decideEnds, questionsOf } from '../src/model/decide.ts'
import { findEnds } from '../src/model/ends.ts'
import type { PolicySet } from '../src/model/entry.ts'
import { answer } from '../src/model/evaluators.ts'
import { type Cluster, ClusterSource, generateCluster, nodeName, PORTS, RICH } from './cluster.ts'
import { Random } from './random.ts'

const NODE = { name: nodeName(0), addresses: ['192.168.0.1'] }
const PROTOCOLS: readonly Protocol[] = [
  'TCP',
  'TCP',
  'TCP',
  'UDP',
  'SCTP',
  'ICMP',
  'ICMPv6',
  'IP/47',
  'IP/50',
]
const OUTSIDE = ['203.0.113.7', '192.168.0.1', '192.168.0.2', '2001:db8::1']

/** One of the generated ends of rules has passed, the other not. */
const BETWEEN = Date.parse('2030-06-01T00:00:00Z') as EpochMs
const LATER = Date.parse('2032-01-01T00:00:00Z') as EpochMs

const whole = ({ namespaces, nodes, workloads, policies, now }: Cluster): ModelChange => ({
  namespaces: { set: namespaces },
  nodes: { set: nodes },
  workloads: { set: workloads },
  policies: { set: policies },
  now: now ?? BETWEEN,
})

function modelOf(cluster: Cluster): Model {
  const model = createModel()
  model.update(whole(cluster))
  return model
}

interface Packet {
  readonly source: string
  readonly destination: string
  readonly protocol: Protocol
  readonly port: number
}

function packets(cluster: Cluster, random: Random, count: number): Packet[] {
  const addresses = [...cluster.workloads.flatMap(workload => workload.addresses), ...OUTSIDE]
  const sameFamily = (ip: string) => addresses.filter(other => other.includes(':') === ip.includes(':'))
  return Array.from({ length: count }, () => {
    const source = random.pick(addresses)
    return {
      source,
      destination: random.pick(sameFamily(source)),
      protocol: random.pick(PROTOCOLS),
      port: random.pick(PORTS),
    }
  })
}

/** What a table cannot show is not compared: `self` and `own-node` have no rule. */
const plain = (side: SideDecision | undefined) =>
  side && { verdict: side.verdict, by: side.by, why: side.why }

function expectEqual(model: Model, table: RuleTable, asked: readonly Packet[]): void {
  for (const packet of asked) {
    for (const set of ['enforce', 'audit'] as const) {
      const byTable = decideByTable(table, packet, set)
      const query = { ...packet, source: { ip: packet.source }, destination: { ip: packet.destination } }
      const decision = model.decide(query, set)
      const where = JSON.stringify({ packet, set })
      expectQuick(model, query, set, where)
      if (byTable.egress) expect(plain(decision.egress), where).toEqual(plain(byTable.egress))
      if (byTable.ingress) expect(plain(decision.ingress), where).toEqual(plain(byTable.ingress))
      for (const end of ['source', 'destination'] as const) {
        const owner = model.workloadAt(packet[end])
        const local = owner?.node === NODE.name
        expect(byTable[end === 'source' ? 'egress' : 'ingress'] !== undefined, where).toBe(local)
      }
    }
  }
}

/** Where resolvers say that names lead; nothing else is known. */
const ANSWERED = [{ name: 'api.example.com', ip: '203.0.113.7' }] as const
const namesOf = (address: string) => ANSWERED.filter(({ ip }) => ip === address).map(({ name }) => name)

/** What the sides say that this node judges, before anything is said in the conversation. */
function sidesOf(model: Model, packet: Packet, policies: PolicySet): readonly SideDecision[] {
  const facts = { names: namesOf(packet.destination) }
  const query = { ...packet, source: { ip: packet.source }, destination: { ip: packet.destination }, facts }
  const ends = findEnds(model.index, query)
  const { egress, ingress } = questionsOf(model.index, { query, ends, policies, acting: true })
  const isLocal = (ip: string) => {
    const owner = model.workloadAt(ip)
    return owner?.node === NODE.name
  }
  return [
    ...(isLocal(packet.source) ? [answer(egress)] : []),
    ...(isLocal(packet.destination) ? [answer(ingress)] : []),
  ]
}

const isForGood = ({ verdict, inspect }: SideDecision): boolean => verdict === 'deny' && !inspect
const asks = ({ inspect }: SideDecision): boolean => inspect !== undefined
/** A name may have led there: what the kernel's set holds is only a reason to look. */
const mayBeNamed = ({ destination }: Packet): boolean => namesOf(destination).length > 0

/** What must hold of every treatment, so that nothing passes, or fails open, that could be denied. */
const SOUND = {
  pass: (enforced, audited) =>
    enforced.every(side => side.verdict === 'allow') && ![...enforced, ...audited].some(asks),
  drop: enforced => enforced.some(isForGood),
  inspect: enforced => !enforced.some(isForGood),
} as const satisfies Record<
  Treatment['kind'],
  (enforced: readonly SideDecision[], audited: readonly SideDecision[]) => boolean
>

interface Asked {
  inspected: number
  needless: number
}

function expectSound(model: Model, table: RuleTable, packets: readonly Packet[], count: Asked): void {
  for (const packet of packets) {
    const treatment = treatByTable(table, packet)
    const [enforced, audited] = [sidesOf(model, packet, 'enforce'), sidesOf(model, packet, 'audit')]
    const where = JSON.stringify({ packet, treatment, enforced, audited })
    expect(SOUND[treatment.kind](enforced, audited), where).toBe(true)
    if (treatment.kind !== 'inspect') continue
    expect(isConversed(packet.protocol) || mayBeNamed(packet), where).toBe(true)
    count.inspected++
    if (![...enforced, ...audited].some(asks)) count.needless++
    const isClosed = enforced.some(side => side.inspect?.onFailure === 'closed')
    if (isClosed) expect(treatment.onFailure, where).toBe('closed')
  }
}

/** What numbers say is what the evaluators say, rule by rule; also where facts are missing. */
function expectQuick(model: Model, query: FlowQuery, policies: PolicySet, where: string): void {
  for (const facts of [undefined, {}, { names: ['api.example.com'], application: 'http' as const }]) {
    const asked = facts ? { ...query, facts } : query
    const ends = findEnds(model.index, asked)
    expect(model.decide(asked, policies), where).toEqual(
      decideEnds(model.index, { query: asked, ends, policies }),
    )
  }
}

/** Tables as plain data in one order, so that how they came about does not show. */
function snapshot(table: RuleTable): unknown {
  const sorted = <V>(map: ReadonlyMap<string, V>, show: (value: V) => unknown) =>
    [...map].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, show(value)])
  return {
    sets: sorted(table.sets, set =>
      'members' in set ? { ...set, members: [...set.members].toSorted() } : set,
    ),
    chains: sorted(table.chains, chain => chain),
    attachments: sorted(table.attachments, attached => attached),
    nodeAddresses: [...table.nodeAddresses].toSorted(),
  }
}

/** Does to a copy what the kernel would be told, so that a change that says too little shows. */
class Replica {
  sets = new Map<string, Set<string> | 'ranges'>()
  chains = new Set<string>()
  attachments = new Map<string, string>()

  apply(table: RuleTable, change: TableChange): void {
    for (const id of change.chainsRemoved) expect(this.chains.delete(id)).toBe(true)
    for (const id of change.setsRemoved) expect(this.sets.delete(id)).toBe(true)
    for (const { set, add, remove } of change.members) {
      const members = this.sets.get(set)
      if (!(members instanceof Set)) throw new TypeError(`members of ${set}, which is not there`)
      for (const member of remove) expect(members.delete(member)).toBe(true)
      for (const member of add) {
        expect(members.has(member)).toBe(false)
        members.add(member)
      }
    }
    for (const id of change.setsAdded) {
      const set = table.sets.get(id)
      expect(this.sets.has(id)).toBe(false)
      this.sets.set(id, set && 'members' in set ? new Set(set.members) : 'ranges')
    }
    for (const id of change.chainsAdded) this.chains.add(id)
    for (const id of change.attachments) this.#attach(table, id)
  }

  #attach(table: RuleTable, id: TableChange['attachments'][number]): void {
    const attached = table.attachments.get(id)
    if (attached) this.attachments.set(id, JSON.stringify(attached))
    else this.attachments.delete(id)
  }

  expectEqual(table: RuleTable): void {
    expect([...this.chains].toSorted()).toEqual([...table.chains.keys()].toSorted())
    expect([...this.sets.keys()].toSorted()).toEqual([...table.sets.keys()].toSorted())
    for (const [id, members] of this.sets) {
      const set = table.sets.get(id)
      if (members instanceof Set && set && 'members' in set) {
        expect([...members].toSorted()).toEqual([...set.members].toSorted())
      }
    }
    expect(this.attachments).toEqual(
      new Map([...table.attachments].map(([id, attached]) => [id, JSON.stringify(attached)])),
    )
  }
}

/** One random change, and how the cluster looks after it. */
function step(source: ClusterSource, cluster: Cluster): { change: ModelChange; after: Cluster } {
  const { random, sizes } = source
  const swap = <T>(items: readonly T[], at: number, item: T) => items.with(at, item)
  const options: (() => { change: ModelChange; after: Cluster })[] = [
    () => {
      const at = random.below(cluster.workloads.length)
      const workload = source.workload(random.chance(0.7) ? at : random.below(sizes.workloads))
      const others = cluster.workloads.filter(other => other.id !== workload.id)
      return {
        change: { workloads: { set: [workload] } },
        after: { ...cluster, workloads: [...others, workload] },
      }
    },
    () => {
      const gone = random.pick(cluster.workloads)
      const workloads = cluster.workloads.filter(other => other !== gone)
      if (workloads.length === 0) return { change: {}, after: cluster }
      return { change: { workloads: { removed: [gone.id] } }, after: { ...cluster, workloads } }
    },
    () => {
      const policy = source.policy(random.below(sizes.policies))
      const others = cluster.policies.filter(other => other.id !== policy.id)
      return { change: { policies: { set: [policy] } }, after: { ...cluster, policies: [...others, policy] } }
    },
    () => {
      const gone = cluster.policies[random.below(cluster.policies.length)]
      if (!gone) return { change: {}, after: cluster }
      const policies = cluster.policies.filter(other => other !== gone)
      return { change: { policies: { removed: [gone.id] } }, after: { ...cluster, policies } }
    },
    () => {
      const now = random.pick([BETWEEN, LATER])
      return { change: { now }, after: { ...cluster, now } }
    },
    () => {
      const at = random.below(sizes.namespaces)
      const namespace = source.namespace(at)
      const namespaces = swap(cluster.namespaces, at, namespace)
      return { change: { namespaces: { set: [namespace] } }, after: { ...cluster, namespaces } }
    },
  ]
  return random.pick(options)()
}

/** The same end by other ways: each change twice, with a flap before it, or in another order inside. */
const EXPANSIONS: Record<string, (change: ModelChange, model: Model, random: Random) => ModelChange[]> = {
  'as given': change => [change],
  doubled: change => [change, change],
  'with flaps': (change, model) => {
    const ids = (change.workloads?.set ?? []).map(workload => workload.id)
    const back = ids.flatMap(id => model.workloads.get(id) ?? [])
    const policies = (change.policies?.set ?? []).map(policy => policy.id)
    return [
      { workloads: { removed: ids }, policies: { removed: policies } },
      { workloads: { set: back } },
      change,
    ]
  },
  'with everything said again': (change, model, random) => [
    change,
    {
      workloads: { set: random.shuffled([...model.workloads.values()].filter(w => !touches(change, w.id))) },
      policies: { set: random.shuffled([...model.policies.values()].filter(p => !touches(change, p.id))) },
    },
  ],
}
const touches = (change: ModelChange, id: string): boolean =>
  [change.workloads, change.policies].some(
    changes => changes?.set?.some(item => item.id === id) || changes?.removed?.some(gone => gone === id),
  )

const seeds = fc.integer({ min: 0, max: 2 ** 31 })

describe('decide, the compiled table and its changes say the same', () => {
  test('decide ≡ decideByTable', () => {
    fc.assert(
      fc.property(seeds, seed => {
        const cluster = generateCluster(seed, RICH)
        const model = modelOf(cluster)
        expectEqual(model, createTableCompiler(model, NODE).table, packets(cluster, new Random(seed), 60))
      }),
      { numRuns: 150 },
    )
  })

  test('what is open is inspected, and nothing that could be denied passes or fails open', () => {
    const count: Asked = { inspected: 0, needless: 0 }
    fc.assert(
      fc.property(seeds, seed => {
        const cluster = generateCluster(seed, { ...RICH, conditional: 0.6 })
        const model = modelOf(cluster)
        const { table } = createTableCompiler(model, NODE, { names: { entries: () => ANSWERED } })
        expectSound(model, table, packets(cluster, new Random(seed), 300), count)
      }),
      { numRuns: 150 },
    )
    expect(count.inspected).toBeGreaterThan(200)
    // Asking too often is slow and never wrong; it is to stay rare.
    expect(count.needless / count.inspected).toBeLessThan(0.2)
  })

  describe.each(['each step', 'the end'])('flushed at %s', flush => {
    test.each(Object.keys(EXPANSIONS))('%s: incremental ≡ fresh, and the changes say it all', name => {
      fc.assert(
        fc.property(seeds, seed => {
          const source = new ClusterSource(seed, RICH)
          let cluster = source.cluster()
          const model = modelOf(cluster)
          const compiler = createTableCompiler(model, NODE)
          const replica = new Replica()
          replica.apply(compiler.table, initialChange(compiler.table))
          let waiting: ModelDelta[] = []
          const settle = () => {
            replica.apply(compiler.table, compiler.update(mergeDeltas(waiting)))
            waiting = []
          }
          for (let count = 0; count < 8; count++) {
            const { change, after } = step(source, cluster)
            cluster = after
            for (const one of EXPANSIONS[name]?.(change, model, source.random) ?? []) {
              waiting.push(model.update(one))
              if (flush === 'each step') settle()
            }
          }
          settle()
          const fresh = modelOf(cluster)
          expect(snapshot(compiler.table)).toEqual(snapshot(createTableCompiler(fresh, NODE).table))
          replica.expectEqual(compiler.table)
          expectEqual(model, compiler.table, packets(cluster, source.random, 20))
        }),
        { numRuns: 40 },
      )
    })
  })
})

const initialChange = (table: RuleTable): TableChange => ({
  members: [],
  setsAdded: [...table.sets.keys()],
  setsRemoved: [],
  chainsAdded: [...table.chains.keys()],
  chainsRemoved: [],
  attachments: [...table.attachments.keys()],
})
