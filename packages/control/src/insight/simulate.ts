import { type PolicyDocument, type RecordedFlow, type SimulationGroup, simulate } from '@sekisho/policy'
import type { EdgeTotals, Window } from '@sekisho/store'
import type { SimulationView } from '../schema/policies.ts'
import type { EdgeEnd } from '../schema/records.ts'
import { type Attacks, findAttacks } from './attacks.ts'
import { inParts, modelWith, policiesWith, queryOf, recall } from './history.ts'
import { type InsightPorts, timestamp } from './ports.ts'

export interface SimulateRequest {
  readonly window: Window
  readonly documents: readonly PolicyDocument[]
  /** Ids of policies to leave out, as if deleted. */
  readonly without: readonly string[]
}

/** Groups shown; the counts are of all. */
const GROUPS = 1_000

/** What the recorded flows of a window would have met under other policies. */
export function simulateView(ports: InsightPorts, request: SimulateRequest): SimulationView {
  const { records } = ports.store
  const changed = policiesWith(ports.model, { set: request.documents, without: request.without })
  const before = modelWith(ports, ports.model.policies.values())
  const after = modelWith(ports, changed)
  const attacks = findAttacks(records, request.window)
  let exempt = 0
  function* flows(): Iterable<RecordedFlow> {
    for (const edges of inParts(records.namedEdges(request.window))) {
      const judged = edges.filter(({ why }) => why !== 'own-node')
      for (const edge of edges) if (edge.why === 'own-node') exempt += conversations(edge)
      recall(records, [before, after], judged)
      for (const edge of judged) yield flowOf(edge, attacks)
    }
  }
  const result = simulate({ flows: flows(), before, after })
  return {
    // A node reaches its own workloads whatever the policies say; only its agent knows all of its addresses.
    flows: result.flows + exempt,
    unchanged: result.unchanged + exempt,
    newlyDenied: result.newlyDenied,
    newlyAllowed: result.newlyAllowed,
    attacksDenied: result.attacksDenied,
    legitimateBroken: result.legitimateBroken,
    undecided: result.undecided,
    since: result.since === undefined ? null : timestamp(result.since),
    until: result.until === undefined ? null : timestamp(result.until),
    groups: byPorts(result.groups).slice(0, GROUPS).map(groupView),
  }
}

/** None began in the window where one that is older still speaks: a policy would end that one. */
const conversations = ({ connections }: EdgeTotals): number => Math.max(1, connections)

const flowOf = (edge: EdgeTotals, attacks: Attacks): RecordedFlow => ({
  query: queryOf(edge),
  source: edge.source.key,
  destination: edge.destination.key,
  connections: conversations(edge),
  first: edge.first,
  last: edge.last,
  attack: attacks.of(edge) !== undefined,
})

interface PortsGroup extends Omit<SimulationGroup, 'port'> {
  readonly ports: readonly number[]
}

/** One group for all ports that change in the same way between the same two; what matters most stays first. */
function byPorts(groups: readonly SimulationGroup[]): readonly PortsGroup[] {
  const joined = new Map<string, PortsGroup>()
  for (const { port, ...group } of groups) {
    const { source, destination, protocol, before, after, by, why, attack } = group
    const key = JSON.stringify([source, destination, protocol, before, after, by, why, attack])
    const known = joined.get(key)
    const connections = group.connections + (known?.connections ?? 0)
    joined.set(key, { ...group, connections, ports: [...(known?.ports ?? []), port] })
  }
  return [...joined.values()]
}

const groupView = (group: PortsGroup): SimulationView['groups'][number] => ({
  source: groupEnd(group.source),
  destination: groupEnd(group.destination),
  protocol: group.protocol,
  ports: group.ports.toSorted((a, b) => a - b),
  before: group.before,
  after: group.after,
  ...(group.by !== undefined && { by: group.by }),
  why: group.why,
  connections: group.connections,
  attack: group.attack,
})

/** Groups are named `namespace/owner`, outside ends by their address, which has no slash. */
function groupEnd(key: string): EdgeEnd {
  const slash = key.indexOf('/')
  if (slash < 0) return { key, kind: 'external', namespace: '', name: key, ip: key }
  return { key, kind: 'workload', namespace: key.slice(0, slash), name: key.slice(slash + 1), ip: '' }
}
