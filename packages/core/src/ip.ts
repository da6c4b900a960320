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

const [DOT, ZERO, COLON] = [0x2e, 0x30, 0x3a]

/**
 * RFC 6943 section 3.1.1: dotted decimal with four parts only; leading zeros (octal elsewhere) are refused.
 * Read digit by digit: every packet's and every record's address comes through here.
 */
function parseIp4(text: string): number | undefined {
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
  return parts === 4 && digits > 0 ? value * 256 + part : undefined
}

/** Below zero where it is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = (code | 0x20) - 0x61
  return letter >= 0 && letter < 6 ? letter + 10 : -1
}

/** Groups of 16 bits, of which the last two may be written as an IPv4 address. */
function parseGroups(text: string): number[] | undefined {
  const groups: number[] = []
  if (text === '') return groups
  let [value, digits, start] = [0, 0, 0]
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : COLON
    if (code === COLON) {
      if (digits === 0) return undefined
      groups.push(value)
      value = digits = 0
      start = at + 1
      continue
    }
    if (code === DOT) {
      const embedded = parseIp4(text.slice(start))
      return embedded === undefined ? undefined : [...groups, embedded >>> 16, embedded & 0xffff]
    }
    const digit = hexDigit(code)
    if (digit < 0 || ++digits > 4) return undefined
    value = value * 16 + digit
  }
  return groups
}

/** RFC 4291 section 2.2, all three forms; no zone identifiers. */
function parseIp6(text: string): bigint | undefined {
  const halves = text.split('::')
  const [first = '', second] = halves
  if (halves.length > 2 || (second !== undefined && first.includes('.'))) return undefined
  const head = parseGroups(first)
  const tail = second === undefined ? [] : parseGroups(second)
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (second === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail]
  let value = 0n
  for (let at = 0; at < 8; at += 2) {
    value = (value << 32n) | BigInt((groups[at] ?? 0) * 0x10000 + (groups[at + 1] ?? 0))
  }
  return value
}

/** An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is the IPv4 address it stands for. */
const MAPPED = 0xffffn << 32n

export function parseIp(text: string): Ip | undefined {
  if (text.length > 45) return undefined
  if (!text.includes(':')) {
    const value = parseIp4(text)
    return value === undefined ? undefined : { family: 4, value: BigInt(value) }
  }
  const value = parseIp6(text)
  if (value === undefined) return undefined
  return value >> 32n === MAPPED >> 32n ? { family: 4, value: value & 0xffffffffn } : { family: 6, value }
}

const WORDS = [96n, 64n, 32n, 0n] as const

function formatIp6(value: bigint): string {
  const groups: string[] = []
  for (const shift of WORDS) {
    const word = Number(BigInt.asUintN(32, value >> shift))
    groups.push((word >>> 16).toString(16), (word & 0xffff).toString(16))
  }
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
  const bits = Number(value)
  return `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}`
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
