import type { Attachment, ChainId } from '@sekisho/policy'
import { addressText, chainName, isInterfaceName, quoteInterface, type Role } from './names.ts'
import { EMPTY, type Fragment, type NftElement } from './objects.ts'
import {
  boundSet,
  type DispatchKey,
  type DispatchSide,
  dispatchMap,
  judgedSet,
  localSet,
  namedMap,
  nodeSet,
  ownMap,
} from './skeleton-sets.ts'

const SIDES = { enforce: '', audit: 'audit_' } as const
const DIRECTIONS = ['egress', 'ingress'] as const

export interface ChainUse {
  readonly side: DispatchSide
  readonly role: Role
  readonly chain: ChainId
}

/** The chains that judge a workload, in enforce and in audit. */
export function chainUses(attachment: Attachment): ChainUse[] {
  return (['enforce', 'audit'] as const).flatMap(role =>
    DIRECTIONS.flatMap(direction => {
      const chain = attachment[role][direction]
      return chain === undefined ? [] : [{ side: `${SIDES[role]}${direction}` as const, role, chain }]
    }),
  )
}

interface Place {
  readonly key: DispatchKey
  readonly text: string
}

/** Where a workload is recognised: its own interface, or its addresses where it has none that can be named. */
function places(attachment: Attachment): Place[] {
  const { interface: name, addresses } = attachment
  if (name !== undefined && isInterfaceName(name)) return [{ key: 'if', text: quoteInterface(name) }]
  return addresses.map(address => {
    const { family, text } = addressText(address)
    return { key: family, text }
  })
}

/**
 * A workload sends from its own addresses and nobody else does; what it says to itself is nobody's business. The node is
 * known by its set, since it may have hundreds.
 */
function ownership({ interface: name, interfaceIndex, addresses, isNode }: Attachment): NftElement[] {
  if (isNode) return []
  const own = addresses.map(addressText)
  const pairs = own.flatMap(a =>
    own
      .filter(b => b.family === a.family)
      .map(b => ({ set: `self_${a.family}`, key: `${a.text} . ${b.text}` })),
  )
  if (name === undefined || !isInterfaceName(name)) return pairs
  const verdict = { kind: 'accept' as const }
  const bound = own.flatMap(({ family, text }) => [
    ...(interfaceIndex === undefined
      ? []
      : [{ set: ownMap(family), key: `${interfaceIndex} . ${text}`, verdict }]),
    { set: namedMap(family), key: `${quoteInterface(name)} . ${text}`, verdict },
    { set: boundSet(family), key: text },
  ])
  return [...pairs, ...bound]
}

/** The elements by which packets of a workload find their chains. */
export function attachmentFragment(attachment: Attachment): Fragment {
  const elements = places(attachment).flatMap(({ key, text }) => [
    { set: attachment.isNode ? nodeSet(key) : localSet(key), key: text },
    ...(Object.keys(attachment.enforce).length > 0 ? [{ set: judgedSet(key), key: text }] : []),
    ...chainUses(attachment).map(({ side, role, chain }) => ({
      set: dispatchMap(side, key),
      key: text,
      verdict: { kind: 'jump' as const, chain: chainName(role, chain) },
    })),
  ])
  return { ...EMPTY, elements: [...elements, ...ownership(attachment)] }
}
