import { canonicalName, type Direction, LIMITS } from '@sekisho/core'
import { ENTITIES, type Peer, type PodsPeer, type PolicySubject, type SelectableKind } from './document.ts'
import { outsidePattern } from './fqdn.ts'
import { dnsSubdomain } from './names.ts'
import { readBlock } from './rules.ts'
import { readSelector } from './selector.ts'
import type { Spot } from './spot.ts'

const PODS = ['podSelector', 'serviceAccounts', 'workloadKinds', 'namespaceSelector'] as const
export const WORKLOAD_KINDS: readonly SelectableKind[] = ['pod', 'container', 'service', 'external']

/** A list that says something where it is written: an empty one could be meant as none or as any. */
export function readList<T>(
  spot: Spot,
  most: number,
  read: (item: Spot) => T | undefined,
): readonly T[] | undefined {
  if (spot.value === undefined) return undefined
  const items = spot.list(most)
  if (items.length === 0 && (spot.absent || Array.isArray(spot.value)))
    spot.refuse('must not be empty; leave it out to ask for nothing')
  return items.flatMap(item => read(item) ?? [])
}

function readServiceAccount(spot: Spot): string | undefined {
  const name = spot.text()
  const wrong = name === undefined ? undefined : dnsSubdomain(name)
  if (wrong !== undefined) spot.refuse(wrong)
  return name
}

/** Whatever a source calls a workload: a pod, a container, a unit. */
function readWorkloadName(spot: Spot): string | undefined {
  const name = spot.text()
  if (name === '' || (name !== undefined && name.length > 253)) spot.refuse('must be 1 to 253 characters')
  return name
}

function readPods(spot: Spot): PodsPeer {
  const names = readList(spot.at('workloadNames'), LIMITS.wordsPerList.value, readWorkloadName)
  const namespaces = spot.at('namespaceSelector')
  const accounts = readList(spot.at('serviceAccounts'), LIMITS.wordsPerList.value, readServiceAccount)
  const kinds = readList(spot.at('workloadKinds'), WORKLOAD_KINDS.length, item => item.oneOf(WORKLOAD_KINDS))
  return {
    kind: 'pods',
    podSelector: readSelector(spot.at('podSelector')),
    ...(!namespaces.absent && { namespaceSelector: readSelector(namespaces) }),
    ...(accounts && { serviceAccounts: accounts }),
    ...(kinds && { workloadKinds: kinds }),
    ...(names && { workloadNames: [...new Set(names)] }),
  }
}

/** Fields of which one must stand alone; undefined where none is written. */
function alone<const T extends string>(spot: Spot, fields: readonly T[]): T | undefined {
  const written = fields.filter(field => !spot.at(field).absent)
  const [first] = written
  if (first !== undefined && spot.keys.some(key => key !== first && !spot.at(key).absent))
    spot.at(first).refuse('must not stand beside other fields')
  return first
}

function readName(spot: Spot, direction: Direction): Peer | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  const pattern = canonicalName(text)
  const wrong =
    direction === 'ingress' ? 'who connects has no name; names are for egress' : outsidePattern(pattern)
  if (wrong !== undefined) spot.refuse(wrong)
  return { kind: 'fqdn', pattern }
}

function readEntity(spot: Spot): Peer | undefined {
  const entity = spot.oneOf(ENTITIES)
  return entity && { kind: 'entity', entity }
}

const ALONE = ['hostSelector', 'externalSelector', 'ipBlock', 'fqdn', 'entity'] as const
const READ_ALONE = {
  hostSelector: spot => ({ kind: 'hosts', selector: readSelector(spot) }),
  externalSelector: spot => ({ kind: 'externals', selector: readSelector(spot) }),
  ipBlock: spot => readBlock(spot),
  fqdn: readName,
  entity: readEntity,
} as const satisfies Record<(typeof ALONE)[number], (spot: Spot, direction: Direction) => Peer | undefined>

/** One peer: workloads, for which all that is written must hold, or one of the fields that stand alone. */
export function readOwnPeer(spot: Spot, direction: Direction): Peer | undefined {
  if (!spot.fields([...PODS, ...ALONE])) return undefined
  const field = alone(spot, ALONE)
  if (field !== undefined) return READ_ALONE[field](spot.at(field), direction)
  if (PODS.some(key => !spot.at(key).absent)) return readPods(spot)
  spot.refuse(
    `an empty peer means nothing; write one of ${[...PODS, ...ALONE].join(', ')}, or leave the list out`,
  )
  return undefined
}

/**
 * Missing or empty: every workload of the policy's namespace, or of all where it has none. Hosts and external machines
 * are in no namespace, so only a cluster-scoped policy may be about them.
 */
export function readSubject(spot: Spot, scope: 'namespaced' | 'cluster'): PolicySubject {
  const own = scope === 'cluster' ? PODS : PODS.filter(field => field !== 'namespaceSelector')
  const pods = [...own, 'workloadNames']
  const others = scope === 'cluster' ? (['hostSelector', 'externalSelector'] as const) : []
  if (!spot.absent) spot.fields([...pods, ...others])
  const field = alone(spot, others)
  if (field === 'hostSelector') return { kind: 'hosts', selector: readSelector(spot.at(field)) }
  if (field === 'externalSelector') return { kind: 'externals', selector: readSelector(spot.at(field)) }
  return readPods(spot)
}
