import { CONVERSED, type Protocol, TELLING_PROTOCOLS } from '@sekisho/core'
import type { BoundRule } from '../model/bound.ts'
import { factsOf, NO_FACTS } from '../model/decide.ts'
import type { PortMatch } from '../table.ts'
import type { SetSpec } from './set-spec.ts'

/** What a rule matches, or a part of that; where it is open, it is to be found out whether it does. */
export interface Part {
  readonly isOpen: boolean
  /** Absent: every protocol and port. */
  readonly ports?: readonly PortMatch[]
  readonly named: readonly SetSpec[]
}

function over(protocols: readonly Protocol[], ports: Part['ports']): readonly PortMatch[] {
  if (!ports) return protocols.map(protocol => ({ protocol }))
  return ports.filter(({ protocol }) => protocols.includes(protocol))
}

const isOver = (protocols: readonly Protocol[], set: SetSpec): boolean =>
  set.kind === 'named-port' && protocols.includes(set.port.protocol)

/**
 * What a rule asks for is read in conversations. Other protocols are never queued for it: they tell what they carry, or
 * carry nothing that a rule can ask for.
 */
export function partsOf({ condition }: BoundRule, { ports, named }: Omit<Part, 'isOpen'>): readonly Part[] {
  if (!condition) return [{ isOpen: false, named, ...(ports && { ports }) }]
  const telling = TELLING_PROTOCOLS.filter(protocol => condition.holds(factsOf({ protocol })) === 'yes')
  const conversed = condition.holds(NO_FACTS) === 'no' ? [] : CONVERSED
  const parts = [
    { isOpen: false, ports: over(telling, ports), named: [] },
    { isOpen: true, ports: over(conversed, ports), named: named.filter(set => isOver(conversed, set)) },
  ]
  return parts.filter(part => part.ports.length > 0 || part.named.length > 0)
}
