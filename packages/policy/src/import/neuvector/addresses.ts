import { type Cidr, familyBits, type IpRange, parseIp } from '@sekisho/core'
import { outsidePattern } from '../../documents/fqdn.ts'
import type { Spot } from '../../documents/spot.ts'
import { readNet } from '../calico/endpoint.ts'
import { outside } from '../cilium/blocks.ts'
import type { OrderedPeer } from '../ordered/rule.ts'

/** The largest aligned block that begins where the range does and lies in it. */
function firstBlock({ family, first, last }: IpRange): Cidr {
  let prefix: number = familyBits(family)
  let size = 1n
  while (prefix > 0 && first % (size * 2n) === 0n && first + size * 2n - 1n <= last) {
    size *= 2n
    prefix--
  }
  return { family, prefix, first, last: first + size - 1n }
}

/** A range as the fewest blocks. */
function blocksOf({ family, first, last }: IpRange): Cidr[] {
  const blocks: Cidr[] = []
  for (let at = first; at <= last; ) {
    const block = firstBlock({ family, first: at, last })
    blocks.push(block)
    at = block.last + 1n
  }
  return blocks
}

function readRange(spot: Spot, text: string): readonly Cidr[] {
  const [first, last, ...more] = text.split('-').map(parseIp)
  if (first && last && more.length === 0 && first.family === last.family && first.value <= last.value)
    return blocksOf({ family: first.family, first: first.value, last: last.value })
  spot.refuse('is not a range of addresses')
  return []
}

/** Its `*` stands for anything, so one at the start for one or more labels, as Sekisho's does. */
function readName(spot: Spot, text: string): OrderedPeer[] {
  const name = text.toLowerCase().replace(/\.$/, '')
  const wrong = outsidePattern(name)
  if (wrong !== undefined) spot.refuse(wrong)
  return [{ kind: 'written', peer: { fqdn: name } }]
}

/**
 * The value of an `address` criterion: a name, an address, a block or a range. Workloads are never members of such a
 * group, whatever their addresses are, as in Cilium.
 */
export function readAddress(spot: Spot, cluster: readonly Cidr[] | undefined): OrderedPeer[] {
  const text = spot.text() ?? ''
  if (text.startsWith('vh:')) {
    spot.refuse('virtual hosts are matched by the requests that name them, not by addresses')
    return []
  }
  const isRange = /^[\d.]+-[\d.]+$|^[\da-f:]+-[\da-f:]+$/i.test(text)
  if (!isRange && !parseIp(text.split('/')[0] ?? '')) return readName(spot, text)
  const blocks = isRange ? readRange(spot, text) : readNet(spot)
  return blocks.flatMap(cidr => outside(spot, cidr, { except: [], cluster }))
}
