import type {
  NodeName,
  PolicyId,
  StateDelta,
  StateMessage,
  StatePosition,
  StateSnapshot,
  WorkloadId,
} from '@sekisho/core'
import { createModel, createTableCompiler, type Model, nodeScope, type RuleTable } from '@sekisho/policy'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createNodeStates, type NodeState } from '../../packages/control/src/agents/node-states.ts'
import { modelChange } from '../../packages/control/src/lifecycle/state.ts'
import { type Cluster, ClusterSource, RICH, SMALL } from '../../packages/policy/test/cluster.ts'

type Parts = Omit<StateDelta, 'kind' | 'revision'>

/** The server's model, changed step by step as the state log tells it. */
function serverOf({ namespaces, workloads, policies }: Cluster) {
  const model = createModel()
  const listeners: ((delta: StateDelta) => void)[] = []
  let revision = 1
  model.update({
    namespaces: { set: namespaces },
    workloads: { set: workloads },
    policies: { set: policies },
  })
  return {
    model,
    get revision() {
      return revision
    },
    onChange: (listener: (delta: StateDelta) => void) => void listeners.push(listener),
    change(parts: Parts) {
      revision++
      model.update(modelChange(parts))
      for (const listener of listeners) listener({ kind: 'delta', revision, ...parts })
    },
  }
}

/** What an agent makes of the lines. */
class Agent {
  readonly model = createModel()
  revision: number | undefined
  #history: string | undefined

  read(state: NodeState): void {
    for (let line = state.next(); line !== undefined; line = state.next()) {
      const message = JSON.parse(line) as StateMessage
      if (message.kind === 'heartbeat') throw new Error('not a state')
      this.model.update(modelChange(message.kind === 'delta' ? message : this.#difference(message)))
      this.revision = message.revision
      if (message.kind === 'snapshot') this.#history = message.history
    }
  }

  get position(): StatePosition | undefined {
    const [history, revision] = [this.#history, this.revision]
    return history !== undefined && revision !== undefined ? { history, revision } : undefined
  }

  #difference({ namespaces, workloads, policies }: StateSnapshot): Parts {
    const gone = <K>(known: ReadonlyMap<K, unknown>, now: readonly K[]) =>
      [...known.keys()].filter(key => !now.includes(key))
    const kept = policies.map(idOf)
    return {
      namespaces: {
        set: namespaces,
        removed: gone(
          this.model.namespaces,
          namespaces.map(({ name }) => name),
        ),
      },
      workloads: {
        set: workloads,
        removed: gone<WorkloadId>(
          this.model.workloads,
          workloads.map(({ id }) => id),
        ),
      },
      policies: { set: policies, removed: gone<PolicyId>(this.model.policies, kept) },
    }
  }
}

/** The id of a document as it is read. */
function idOf(json: StateSnapshot['policies'][number]): PolicyId {
  const model = createModel()
  model.update(modelChange({ policies: { set: [json] } }))
  const [id] = model.policies.keys()
  if (id === undefined) throw new Error('no policy')
  return id
}

function shown({ sets, chains, attachments, nodeAddresses }: RuleTable): unknown {
  const sorted = <V>(map: ReadonlyMap<string, V>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    sets: sorted(sets).map(([id, set]) => [id, 'members' in set ? [...set.members].toSorted() : set]),
    chains: sorted(chains),
    attachments: sorted(attachments),
    nodeAddresses: [...nodeAddresses].toSorted(),
  }
}
const tableOf = (model: Model, name: NodeName) =>
  shown(createTableCompiler(model, { name, addresses: [] }).table)

/** One random change of a cluster. */
function changeOf(source: ClusterSource, { workloads, policies, namespaces }: Cluster): Parts {
  const { random, sizes } = source
  const options: (() => Parts)[] = [
    () => ({ workloads: { set: [source.workload(random.below(sizes.workloads))] } }),
    () => ({ workloads: { set: [source.workload(random.below(sizes.workloads))] } }),
    () => ({ workloads: { removed: [random.pick(workloads).id] } }),
    () => ({ policies: { set: [source.policy(random.below(sizes.policies)).source] } }),
    () => ({ policies: { removed: [random.pick(policies).id] } }),
    () => ({ namespaces: { set: [source.namespace(random.below(sizes.namespaces))] } }),
    () => ({ namespaces: { removed: [random.pick(namespaces).name] } }),
  ]
  return random.pick(options)()
}

test.each([
  ['plain', SMALL],
  ['rich', RICH],
])('%s: what a node is told makes the table that all of it makes', (_name, sizes) => {
  fc.assert(
    fc.property(fc.nat(), seed => {
      const source = new ClusterSource(seed, sizes)
      const cluster = source.cluster()
      const server = serverOf(cluster)
      const states = createNodeStates(server)
      const nodes = cluster.nodes.map(({ name }) => ({
        name,
        agent: new Agent(),
        state: states.of(name, undefined),
      }))
      for (let step = 0; step < 12; step++) {
        for (const node of nodes) {
          // Some read each change, some several at once, and some come back where they were.
          if (source.random.chance(0.2)) continue
          if (source.random.chance(0.2)) node.state = states.of(node.name, node.agent.position)
          node.agent.read(node.state)
          expect(node.agent.revision).toBe(server.revision)
          const own = [...server.model.workloads.values()].filter(each => each.node === node.name)
          const scope = nodeScope(
            server.model,
            node.name,
            own.map(({ id }) => id),
          )
          expect(new Set(node.agent.model.workloads.keys())).toEqual(scope.workloads())
          expect(tableOf(node.agent.model, node.name), `${node.name}, step ${step}`).toEqual(
            tableOf(server.model, node.name),
          )
        }
        server.change(changeOf(source, cluster))
      }
    }),
    { numRuns: 60 },
  )
})
