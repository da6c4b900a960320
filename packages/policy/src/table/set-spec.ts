import { formatIp, type IpRange } from '@sekisho/core'
import type { NamedPortSpec } from '../model/ports.ts'
import type { Selection } from '../model/selections.ts'
import type { SetId } from '../table.ts'
import { contentHash } from './hash.ts'

/** What a set holds, said by content: equal content has an equal id, whatever policies ask for it. */
export type SetSpec =
  | { readonly kind: 'selector'; readonly id: SetId; readonly selection: string }
  | {
      readonly kind: 'named-port'
      readonly id: SetId
      readonly selection: string
      readonly port: NamedPortSpec
    }
  /** Addresses of this node, or of every node. */
  | { readonly kind: 'nodes'; readonly id: SetId; readonly own: boolean }
  | { readonly kind: 'range'; readonly id: SetId; readonly ranges: readonly IpRange[] }
  /** One for rules that allow and one for those that deny: where an address enters, only the latter stop what passes. */
  | { readonly kind: 'name'; readonly id: SetId; readonly pattern: string; readonly denies: boolean }

/** Rules of many policies ask for the same selection. */
export function selectorSet(selection: Selection): SetSpec {
  const { key } = selection
  const known = SELECTOR_SETS.get(selection) ?? {
    kind: 'selector',
    id: `s${contentHash(key)}`,
    selection: key,
  }
  SELECTOR_SETS.set(selection, known)
  return known
}
const SELECTOR_SETS = new WeakMap<Selection, SetSpec>()

export const namedPortSet = ({ key }: Selection, port: NamedPortSpec): SetSpec => ({
  kind: 'named-port',
  id: `n${contentHash(`${port.protocol} ${port.name} ${key}`)}`,
  selection: key,
  port: { protocol: port.protocol, name: port.name },
})

export const nodesSet = (own: boolean): SetSpec => ({
  kind: 'nodes',
  id: `s${contentHash(own ? 'own node' : 'every node')}`,
  own,
})

const rangeText = ({ family, first, last }: IpRange): string =>
  `${formatIp({ family, value: first })}-${formatIp({ family, value: last })}`

export const rangeSet = (ranges: readonly IpRange[]): SetSpec => ({
  kind: 'range',
  id: `r${contentHash(ranges.map(rangeText).join(' '))}`,
  ranges,
})

export const nameSet = (pattern: string, denies: boolean): SetSpec => ({
  kind: 'name',
  id: `d${contentHash(`${denies ? 'deny' : 'allow'} ${pattern}`)}`,
  pattern,
  denies,
})
