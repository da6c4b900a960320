import type { Family } from '@sekisho/core'
import type { AddressSet } from '@sekisho/policy'
import { rangeElement } from './match.ts'
import { addressText, setName } from './names.ts'
import type { NftSet } from './objects.ts'
import { setFamilies } from './rule.ts'

const ADDRESS = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const

/** One set of the kernel for each family the compiled set can have members of. */
export const nftSets = (set: AddressSet): NftSet[] =>
  setFamilies(set).map(family => {
    const address = ADDRESS[family]
    return {
      of: { id: set.id, family },
      name: setName(set.kind, family, set.id),
      key: set.kind === 'named-port' ? [address, 'inet_proto', 'inet_service'] : [address],
      ...(set.kind === 'range' && { interval: true }),
    }
  })

const NAMED_PORT = /^(?<ip>[^|]+)\|(?<protocol>TCP|UDP|SCTP)\|(?<port>\d{1,5})$/

/** A member as nft text with the family it belongs to. @throws TypeError for a member of no known form. */
export function memberElement(
  kind: Exclude<AddressSet['kind'], 'range'>,
  member: string,
): { readonly family: Family; readonly text: string } {
  if (kind !== 'named-port') return addressText(member)
  const groups = NAMED_PORT.exec(member)?.groups
  const { ip = '', protocol = '', port = '' } = groups ?? {}
  if (!groups || Number(port) > 65535) throw new TypeError(`not a named port: ${JSON.stringify(member)}`)
  const { family, text } = addressText(ip)
  return { family, text: `${text} . ${protocol.toLowerCase()} . ${Number(port)}` }
}

/** All elements of a set. */
export function elementsOf(set: AddressSet): Record<Family, Set<string>> {
  const found = { 4: new Set<string>(), 6: new Set<string>() }
  if (set.kind === 'range') for (const range of set.ranges) found[range.family].add(rangeElement(range))
  else {
    for (const member of set.members) {
      const { family, text } = memberElement(set.kind, member)
      found[family].add(text)
    }
  }
  return found
}
