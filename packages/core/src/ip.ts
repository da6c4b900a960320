import { fail, ok, type Result } from './result.ts'

export type Family = 4 | 6
export const FAMILIES = [4, 6] as const satisfies readonly Family[]

/** An address as a number, so that ranges and prefixes are plain comparisons. */
export interface Ip {
  readonly family: Family
  readonly value: bigint
}

/** First and last address of a block, both inside. */
export interface IpRange {
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
}

export interface Cidr extends IpRange {
  readonly prefix: number
}

export const familyBits = (family: Family): 32 | 128 => (family === 4 ? 32 : 128)

const [DOT, ZERO] = [0x2e, 0x30]

/**
 * RFC 6943 section 3.1.1: dotted decimal with four parts only; leading zeros (octal elsewhere) are refused.
 * Read digit by digit: every packet's and every record's address comes through here.
 */
function parseIp4(text: string): bigint | undefined {
  let [value, part, digits, parts] = [0, 0, 0, 1]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === DOT) {
      if (digits === 0 || ++parts > 4) return undefined
      value = value * 256 + part
      part = digits = 0
      continue
    }
    const digit = code - ZERO
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return undefined
    part = part * 10 + digit
    digits++
    if (part > 255) return undefined
  }
  return parts === 4 && digits > 0 ? BigInt(value * 256 + part) : undefined
}

function parseGroups(text: string): string[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  const tail = groups.at(-1) ?? ''
  if (!tail.includes('.')) return groups
  const embedded = parseIp4(tail)
  if (embedded === undefined) return undefined
  return [...groups.slice(0, -1), (embedded >> 16n).toString(16), (embedded & 0xffffn).toString(16)]
}

/** RFC 4291 section 2.2, all three forms; no zone identifiers. */
function parseIp6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '')
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '') : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...tail]
  let value = 0n
  for (const group of groups) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
    value = (value << 16n) | BigInt(`0x${group}`)
  }
  return value
}

/** An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is the IPv4 address it stands for. */
const MAPPED = 0xffffn << 32n

export function parseIp(text: string): Ip | undefined {
  if (text.length > 45) return undefined
  if (!text.includes(':')) {
    const value = parseIp4(text)
    return value === undefined ? undefined : { family: 4, value }
  }
  const value = parseIp6(text)
  if (value === undefined) return undefined
  return value >> 32n === MAPPED >> 32n ? { family: 4, value: value & 0xffffffffn } : { family: 6, value }
}

function formatIp6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  // RFC 5952 section 4.2: the longest run of two or more zero groups becomes "::", the first one on a tie.
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === '0') length++
    if (length > best.length) best = { start, length }
  }
  if (best.start < 0) return groups.join(':')
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`
}

/** The canonical text (RFC 5952 for IPv6): equal addresses have equal texts. */
export function formatIp({ family, value }: Ip): string {
  if (family === 6) return formatIp6(value)
  return [24n, 16n, 8n, 0n].map(shift => ((value >> shift) & 0xffn).toString()).join('.')
}

/** In network order, 4 or 16 bytes. */
export function addressBytes({ family, value }: Ip): Uint8Array {
  const bytes = new Uint8Array(familyBits(family) / 8)
  const view = new DataView(bytes.buffer)
  if (family === 4) view.setUint32(0, Number(value))
  else {
    view.setBigUint64(0, value >> 64n)
    view.setBigUint64(8, value & 0xffff_ffff_ffff_ffffn)
  }
  return bytes
}

/** The canonical text of an address, or undefined when it is none. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text)
  return ip && formatIp(ip)
}

/** @returns the block, or the sentence that says what is wrong with it. Host bits must be zero. */
export function parseCidr(text: string): Result<Cidr, string> {
  const slash = text.indexOf('/')
  if (slash < 0) return fail('a prefix length is missing, for example "/24"')
  const ip = parseIp(text.slice(0, slash))
  const prefixText = text.slice(slash + 1)
  if (!ip) return fail('the address before "/" is not an IP address')
  const bits = familyBits(ip.family)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText) || Number(prefixText) > bits) {
    return fail(`the prefix length must be 0 to ${bits}`)
  }
  const prefix = Number(prefixText)
  const size = 1n << BigInt(bits - prefix)
  if (ip.value % size !== 0n) {
    const network = formatIp({ family: ip.family, value: ip.value - (ip.value % size) })
    return fail(`bits are set after the prefix; did you mean "${network}/${prefix}"?`)
  }
  return ok({ family: ip.family, prefix, first: ip.value, last: ip.value + size - 1n })
}

export const formatCidr = (cidr: Cidr): string =>
  `${formatIp({ family: cidr.family, value: cidr.first })}/${cidr.prefix}`

export const contains = (range: IpRange, ip: Ip): boolean =>
  range.family === ip.family && range.first <= ip.value && ip.value <= range.last

export const covers = (outer: IpRange, inner: IpRange): boolean =>
  outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last

/** Sorted, disjoint, with neighbours joined: the canonical form of a set of addresses. */
export function mergeRanges(ranges: readonly IpRange[]): IpRange[] {
  const sorted = ranges.toSorted(
    (a, b) => a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0),
  )
  const merged: IpRange[] = []
  for (const range of sorted) {
    const last = merged.at(-1)
    if (last && last.family === range.family && range.first <= last.last + 1n) {
      if (range.last > last.last) merged[merged.length - 1] = { ...last, last: range.last }
    } else merged.push(range)
  }
  return merged
}

/** `range` without everything in `holes`. */
export function subtractRanges(range: IpRange, holes: readonly IpRange[]): IpRange[] {
  const rest: IpRange[] = []
  let next = range.first
  for (const hole of mergeRanges(holes.filter(h => h.family === range.family))) {
    if (hole.last < next || hole.first > range.last) continue
    if (hole.first > next) rest.push({ family: range.family, first: next, last: hole.first - 1n })
    next = hole.last + 1n
  }
  if (next <= range.last) rest.push({ family: range.family, first: next, last: range.last })
  return rest
}

/** Whether an address lies in a sorted, disjoint list of ranges (see `mergeRanges`); binary search. */
export function inRanges(ranges: readonly IpRange[], ip: Ip): boolean {
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const range = ranges[middle]
    if (!range) return false
    if (range.family < ip.family || (range.family === ip.family && range.last < ip.value)) low = middle + 1
    else if (range.family > ip.family || range.first > ip.value) high = middle - 1
    else return true
  }
  return false
}
