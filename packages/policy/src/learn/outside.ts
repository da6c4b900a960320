import {
  type Cidr,
  type Family,
  familyBits,
  formatCidr,
  type IpRange,
  inRanges,
  mergeRanges,
  parseCidr,
  parseIp,
} from '@sekisho/core'

/** Not the public internet: private, shared, link-local (with the metadata service), loopback, multicast, reserved. */
const NOT_PUBLIC = {
  4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '224.0.0.0/3',
  ],
  6: ['::/127', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
} as const satisfies Record<Family, readonly string[]>

const ranges: readonly IpRange[] = mergeRanges(
  Object.values(NOT_PUBLIC)
    .flat()
    .flatMap(text => {
      const cidr = parseCidr(text)
      return cidr.ok ? [cidr.value] : []
    }),
)

export function isPublic(text: string): boolean {
  const ip = parseIp(text)
  return ip !== undefined && !inRanges(ranges, ip)
}

/** Every public address of a family, as an ipBlock. */
export const publicBlock = (family: Family) =>
  ({ cidr: family === 4 ? '0.0.0.0/0' : '::/0', except: NOT_PUBLIC[family] }) as const

/** The blocks that hold exactly a range. */
function* blocksOf({ family, first, last }: IpRange): Generator<Cidr> {
  const bits = familyBits(family)
  for (let at = first; at <= last; ) {
    let size = 1n
    let prefix: number = bits
    while (at % (size * 2n) === 0n && at + size * 2n - 1n <= last) {
      size *= 2n
      prefix--
    }
    yield { family, prefix, first: at, last: at + size - 1n }
    at += size
  }
}

/** Addresses as blocks: neighbours join only where every address of the block was seen. */
export function exactBlocks(texts: Iterable<string>): readonly string[] {
  const hosts = [...texts].flatMap(text => {
    const ip = parseIp(text)
    return ip ? [{ family: ip.family, first: ip.value, last: ip.value }] : []
  })
  return mergeRanges(hosts).flatMap(range => [...blocksOf(range)].map(formatCidr))
}
