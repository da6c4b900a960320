import { FAMILIES, type Family } from '@sekisho/core'
import type { KeyType } from '@sekisho/linux'
import { KNOWN_EDGES } from './known-edges.ts'
import type { NftSet } from './objects.ts'
import { classMap } from './peer-classes.ts'

const KEY = { if: 'ifname', 4: 'ipv4_addr', 6: 'ipv6_addr' } as const satisfies Record<string, KeyType>
export type DispatchKey = keyof typeof KEY
export const KEYS = ['if', 4, 6] as const satisfies readonly DispatchKey[]

export type DispatchSide = 'egress' | 'ingress' | 'audit_egress' | 'audit_ingress'
export const SIDES = ['egress', 'ingress', 'audit_egress', 'audit_ingress'] as const
/** The verdict map that leads from a workload's interface or address to the chain that judges it. */
export const dispatchMap = (side: DispatchSide, key: DispatchKey): string => `${side}_${key}`
/** Interfaces and addresses of this node's workloads: what Sekisho has any business with. */
export const localSet = (key: DispatchKey): string => `local_${key}`
/** Addresses of the node itself, where policies select it. */
export const nodeSet = (key: DispatchKey): string => `node_${key}`
/** Those of them that any policy in Enforce selects. */
export const judgedSet = (key: DispatchKey): string => `judged_${key}`

/** Leads from a workload's interface and one of its addresses to the verdict that lets packets with both pass. */
export const ownMap = (family: Family): string => `own_${family}`
/** The same by the interface's name, which is there again where the interface is made anew and has another index. */
export const namedMap = (family: Family): string => `named_${family}`
/** Addresses that only their workload's interface may send from. */
export const boundSet = (family: Family): string => `bound_${family}`

/**
 * What packets are looked for in whether or not their connection was judged. Between two of them hardly anything stays in
 * the processor's cache, and a table of a fixed size (`elementsMax`) is read with fewer misses than one that grows.
 */
export const ASKED_OF_EVERY_PACKET: ReadonlySet<string> = new Set([
  localSet('if'),
  ...FAMILIES.flatMap(family => [ownMap(family), boundSet(family)]),
])
/** The one that goes is still there when the next one comes, in the same transaction. */
const GENERATIONS_AT_ONCE = 2

/** Sets and maps that are always there; their elements come from attachments and the generation. */
export const SKELETON_SETS: readonly NftSet[] = [
  { name: 'current', key: ['mark'], elementsMax: GENERATIONS_AT_ONCE },
  { name: 'allowed', key: ['mark'], data: 'verdict', elementsMax: GENERATIONS_AT_ONCE },
  ...FAMILIES.flatMap(family => [
    { name: ownMap(family), key: ['iface_index', KEY[family]] as const, data: 'verdict' as const },
    { name: namedMap(family), key: ['ifname', KEY[family]] as const, data: 'verdict' as const },
  ]),
  ...FAMILIES.map(family => ({ name: boundSet(family), key: [KEY[family]] })),
  ...FAMILIES.map(family => ({ name: nodeSet(family), key: [KEY[family]] })),
  ...FAMILIES.map(family => ({ name: `self_${family}`, key: [KEY[family], KEY[family]] as const })),
  ...KNOWN_EDGES,
  ...FAMILIES.map(family => ({ name: classMap(family), key: [KEY[family]], data: 'classid' as const })),
  ...KEYS.flatMap(key => [localSet(key), judgedSet(key)].map(name => ({ name, key: [KEY[key]] }))),
  ...SIDES.flatMap(side =>
    KEYS.map(key => ({ name: dispatchMap(side, key), key: [KEY[key]], data: 'verdict' as const })),
  ),
]
