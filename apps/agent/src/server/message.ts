import {
  canonicalIp,
  type EpochMs,
  LIMITS,
  type Namespace,
  type NodeName,
  type PolicyDocumentJson,
  type Protocol,
  type Result,
  type StateDelta,
  type StateMessage,
  type StateSnapshot,
  type Workload,
  type WorkloadId,
} from '@sekisho/core'
import {
  dictionary,
  integer,
  list,
  object,
  oneOf,
  readJson,
  record,
  type Shape,
  text,
  textLike,
  truth,
} from '../shape.ts'

/** Shapes of what comes from outside: the server's stream, the last state on disk, the workloads' file. */

const NAME = text(1_024)
const id = <T extends string>() => textLike<T>(value => value.length > 0 && value.length <= 1_024, 'an id')
const address = textLike(value => canonicalIp(value) === value, 'an IP address in canonical form')
const protocol = textLike<Protocol>(
  value => /^(?:TCP|UDP|SCTP|ICMP|ICMPv6|IP\/\d{1,3})$/.test(value),
  'a protocol',
)
const labels = dictionary(text(1_024), LIMITS.labelsPerWorkload.value)
const MANY = 1_000_000
/** An index of a link is a positive `int` of the kernel. */
const INDEX_MAX = 0x7fff_ffff

export const workloadShape: Shape<Workload> = object<Workload>(
  {
    id: id<WorkloadId>(),
    kind: oneOf(['pod', 'container', 'service', 'host', 'external']),
    namespace: NAME,
    name: NAME,
    owner: object({ kind: NAME, name: NAME }),
    labels,
    serviceAccount: NAME,
    node: id<NodeName>(),
    addresses: list(address, LIMITS.addressesPerWorkload.value),
    hostNetwork: truth,
    ports: list(object({ name: NAME, protocol, port: integer(65_535) }), LIMITS.portsPerRule.value),
    state: oneOf(['running', 'terminating', 'finished']),
    interface: text(64),
    interfaceIndex: integer(INDEX_MAX),
    protection: oneOf(['off']),
  },
  ['serviceAccount', 'interface', 'interfaceIndex', 'protection'],
)

export const namespaceShape: Shape<Namespace> = object<Namespace>({ name: NAME, labels })

const policies: Shape<readonly PolicyDocumentJson[]> = list(record, MANY)

const snapshot: Shape<StateSnapshot> = object<StateSnapshot>(
  {
    kind: oneOf(['snapshot']),
    history: text(64),
    revision: integer(Number.MAX_SAFE_INTEGER),
    namespaces: list(namespaceShape, MANY),
    workloads: list(workloadShape, MANY),
    policies,
  },
  ['history'],
)

const changes = <T, Id extends string>(set: Shape<T>, removed: Shape<Id>) =>
  object<{ readonly set?: readonly T[]; readonly removed?: readonly Id[] }>(
    { set: list(set, MANY), removed: list(removed, MANY) },
    ['set', 'removed'],
  )

const delta: Shape<StateDelta> = object<StateDelta>(
  {
    kind: oneOf(['delta']),
    revision: integer(Number.MAX_SAFE_INTEGER),
    namespaces: changes(namespaceShape, NAME),
    workloads: changes(workloadShape, id<WorkloadId>()),
    policies: changes(record, NAME),
  },
  ['namespaces', 'workloads', 'policies'],
)

const heartbeat = object({
  kind: oneOf(['heartbeat']),
  revision: integer(Number.MAX_SAFE_INTEGER),
  at: (json: unknown, path: string) => integer(8.64e15)(json, path) as EpochMs, // its range was just checked
})

const KINDS = { snapshot, delta, heartbeat } as const satisfies Record<
  StateMessage['kind'],
  Shape<StateMessage>
>

const message: Shape<StateMessage> = (json, path) => {
  const { kind } = object({ kind: oneOf(['snapshot', 'delta', 'heartbeat']) })(json, path)
  return KINDS[kind](json, path)
}

export const parseStateMessage = (line: string): Result<StateMessage, string> => readJson(message, line)
export const parseSnapshot = (source: string): Result<StateSnapshot, string> => readJson(snapshot, source)

/** The workloads' file of one machine: `{namespaces, workloads}`. */
export interface Inventory {
  readonly namespaces: readonly Namespace[]
  readonly workloads: readonly Workload[]
}

const inventory: Shape<Inventory> = object<Inventory>({
  namespaces: list(namespaceShape, LIMITS.workloadsPerNode.value),
  workloads: list(workloadShape, LIMITS.workloadsPerNode.value),
})

export const parseInventory = (source: string): Result<Inventory, string> => readJson(inventory, source)

const joined = object({ certificate: text(16_384), ca: text(16_384) })
export const parseJoined = (source: string): Result<{ certificate: string; ca: string }, string> =>
  readJson(joined, source)

const acknowledgement = object({ sequence: integer(Number.MAX_SAFE_INTEGER) })
export const parseAcknowledgement = (json: string): Result<{ sequence: number }, string> =>
  readJson(acknowledgement, json)
