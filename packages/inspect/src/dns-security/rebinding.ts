import { type IpRange, inRanges, mergeRanges, parseCidr, parseIp } from '@sekisho/core'

/** Addresses by which a machine or a private network is reached (RFC 6890 and IANA's registries of special addresses). */
const PRIVATE = rangesOf([
  '0.0.0.0/8', // "this host": Linux connects to itself
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local, and where clouds have their metadata
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '::/127', // unspecified and loopback
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
])

/** RFC 6052: what follows is an IPv4 address. */
const NAT64 = (0x64n << 112n) | (0xff9bn << 96n)
const LOW_32 = 0xffff_ffffn

/** @param blocks as in policies; what cannot be read has been refused before. */
export function rangesOf(blocks: readonly string[]): readonly IpRange[] {
  return mergeRanges(
    blocks.flatMap(block => {
      const range = parseCidr(block)
      return range.ok ? [range.value] : []
    }),
  )
}

/** The first address of an answer that is not for the Internet, and not in `known`. */
export function privateAddress(targets: readonly string[], known: readonly IpRange[]): string | undefined {
  return targets.find(target => {
    const ip = parseIp(target)
    if (!ip) return false
    const isEmbedded = ip.family === 6 && (ip.value & ~LOW_32) === NAT64
    const reached = isEmbedded ? { family: 4 as const, value: ip.value & LOW_32 } : ip
    return inRanges(PRIVATE, reached) && !inRanges(known, reached)
  })
}
