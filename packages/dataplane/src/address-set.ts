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

/** All elements of a set by the name of the kernel's set they go to. */
export function elementsBySet(set: AddressSet): Map<string, Set<string>> {
  const result = new Map(nftSets(set).map(({ name }) => [name, new Set<string>()]))
  const put = (family: Family, text: string) => result.get(setName(set.kind, family, set.id))?.add(text)
  if (set.kind === 'range') for (const range of set.ranges) put(range.family, rangeElement(range))
  else {
    for (const member of set.members) {
      const { family, text } = memberElement(set.kind, member)
      put(family, text)
    }
  }
  return result
}
