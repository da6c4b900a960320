import type { KeyType, MetaKey, NftExpression, Register } from '@sekisho/linux'
import { markText } from './mark.ts'

/**
 * The vocabulary of rules. Every clause is written down once as nft text, for people and tests, and as the kernel's
 * expressions, which is what is loaded; a test has the kernel list both and compares.
 */
export interface Clause {
  readonly text: string
  readonly expressions: readonly NftExpression[]
}

/** Something of a packet or its connection that can be looked up or compared. */
export interface Field {
  readonly text: string
  readonly type: KeyType
  /** What must hold before it can be read. */
  readonly guard?: readonly NftExpression[]
  load(to: Register): readonly NftExpression[]
}

/** 32-bit registers a value of each type takes. */
const REGISTERS: Record<KeyType, number> = {
  ipv4_addr: 1,
  ipv6_addr: 4,
  nf_proto: 1,
  inet_proto: 1,
  inet_service: 1,
  mark: 1,
  classid: 1,
  ifname: 4,
  iface_index: 1,
}

export const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value)
/** Marks and states are numbers of the host, little-endian on every machine Sekisho supports. */
export const hostU32 = (value: number): Uint8Array =>
  Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)

const metaIs = (key: 'nfproto' | 'l4proto', value: number): readonly NftExpression[] => [
  { kind: 'meta', key, to: 0 },
  { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(value) },
]
export const familyIs = (family: 4 | 6): Clause => ({
  text: `meta nfproto ipv${family}`,
  expressions: metaIs('nfproto', FAMILY_NUMBER[family]),
})
const FAMILY_NUMBER = { 4: 2, 6: 10 } as const

export const meta = (key: MetaKey, type: KeyType, text: string = key): Field => ({
  text,
  type,
  load: to => [{ kind: 'meta', key, to }],
})

/** A field of the IP header; in a table for both families its family is asked first. */
export const header = (
  family: 4 | 6,
  name: string,
  { offset, length, type }: { offset: number; length: number; type: KeyType },
): Field => ({
  text: `${family === 4 ? 'ip' : 'ip6'} ${name}`,
  type,
  guard: metaIs('nfproto', FAMILY_NUMBER[family]),
  load: to => [{ kind: 'payload', base: 'network', offset, length, to }],
})

const ADDRESS = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const
const IP = { 4: 'ip', 6: 'ip6' } as const

/** The source address of one direction of the connection. */
export const ctSource = (direction: 'original' | 'reply', family: 4 | 6): Field => ({
  text: `ct ${direction} ${IP[family]} saddr`,
  type: ADDRESS[family],
  load: to => [{ kind: 'ct', key: family === 4 ? 'source4' : 'source6', direction, to }],
})

export const ctPort = (direction: 'original' | 'reply', end: 'source' | 'destination'): Field => ({
  text: `ct ${direction} proto-${end === 'source' ? 'src' : 'dst'}`,
  type: 'inet_service',
  load: to => [{ kind: 'ct', key: `protocol-${end}`, direction, to }],
})

/** The bits of the connection's mark under a mask. */
export const maskedMark = (mask: number): Field => ({
  text: `ct mark & ${markText(mask)}`,
  type: 'mark',
  load: to => [
    { kind: 'ct', key: 'mark', to },
    { kind: 'bitwise', register: to, mask: hostU32(mask), xor: hostU32(0) },
  ],
})

/** Compares bits of the connection's or the packet's mark. */
export const markIs = (
  of: 'ct' | 'meta',
  {
    mask,
    operator,
    value,
  }: { readonly mask: number; readonly operator: '==' | '!='; readonly value: number },
): Clause => ({
  text: `${of} mark & ${markText(mask)} ${operator} ${markText(value)}`,
  expressions: [
    of === 'ct' ? { kind: 'ct', key: 'mark', to: 0 } : { kind: 'meta', key: 'mark', to: 0 },
    { kind: 'bitwise', register: 0, mask: hostU32(mask), xor: hostU32(0) },
    { kind: 'compare', operator, from: 0, value: hostU32(value) },
  ],
})

/** Loads fields side by side, as the key of a concatenation. */
function load(fields: readonly Field[]): NftExpression[] {
  let to = 0
  const guards = fields.flatMap(field => field.guard ?? [])
  const loads = fields.flatMap(field => {
    const at = to
    to += REGISTERS[field.type]
    return field.load(at)
  })
  return [...guards, ...loads]
}
const names = (fields: readonly Field[]): string => fields.map(({ text }) => text).join(' . ')

/** Goes on where the fields together are an element of a set. */
export const inSet = (fields: readonly Field[], set: string): Clause => ({
  text: `${names(fields)} @${set}`,
  expressions: [...load(fields), { kind: 'lookup', set, from: 0 }],
})

/** Goes on where the fields together are no element of a set. */
export const notInSet = (fields: readonly Field[], set: string): Clause => ({
  text: `${names(fields)} != @${set}`,
  expressions: [...load(fields), { kind: 'lookup', set, from: 0, outcome: 'not' }],
})

/** Does what the element says, or goes on to the next rule. */
export const vmap = (fields: readonly Field[], map: string): Clause => ({
  text: `${names(fields)} vmap @${map}`,
  expressions: [...load(fields), { kind: 'lookup', set: map, from: 0, outcome: 'vmap' }],
})

/** Counts in the counter that the fields together lead to, or goes on to the next rule where they lead to none. */
export const countedBy = (fields: readonly Field[], map: string): Clause => ({
  text: `counter name ${names(fields)} map @${map}`,
  expressions: [...load(fields), { kind: 'counter-of', set: map, from: 0 }],
})

/** Makes the fields together an element of a set, unless it is one already. */
export const put = (fields: readonly Field[], set: string): Clause => ({
  text: `add @${set} { ${names(fields)} }`,
  expressions: [...load(fields), { kind: 'put-element', set, from: 0 }],
})

/**
 * The class of the peer that is asked for, while a packet is judged. It is kept where a packet has its class of
 * traffic, for want of another place that nft can write, read and list; that is set back when the packet has passed.
 */
export const PEER_CLASS = meta('priority', 'classid', 'meta priority')
export const setPeerClass = (address: Field, map: string): Clause => ({
  text: `meta priority set ${address.text} map @${map}`,
  expressions: [
    ...load([address]),
    { kind: 'lookup', set: map, from: 0, to: 0 },
    { kind: 'set-priority', from: 0 },
  ],
})
export const NO_PEER_CLASS: Clause = {
  text: 'meta priority set none',
  expressions: [
    { kind: 'constant', value: hostU32(0), to: 0 },
    { kind: 'set-priority', from: 0 },
  ],
}

export type NumberRange = readonly [first: number, last: number]
const rangeText = ([first, last]: NumberRange): string => (first === last ? `${first}` : `${first}-${last}`)

/** Whether a field of one or two bytes lies in one of the ranges, which are sorted and disjoint. */
export function inRanges(field: Field, ranges: readonly NumberRange[], bytes: 1 | 2): Clause {
  const encode = (value: number) => (bytes === 1 ? Uint8Array.of(value) : u16(value))
  const [only, ...others] = ranges
  if (!only) throw new RangeError(`nothing to compare ${field.text} with`)
  const texts = ranges.map(rangeText)
  if (others.length > 0) {
    const encoded = ranges.map(([first, last]) => ({ first: encode(first), last: encode(last) }))
    return {
      text: `${field.text} { ${texts.join(', ')} }`,
      expressions: [...load([field]), { kind: 'one-of', from: 0, type: field.type, ranges: encoded }],
    }
  }
  const [first, last] = only
  const compare = (operator: '==' | '>=' | '<=', value: number): NftExpression => ({
    kind: 'compare',
    operator,
    from: 0,
    value: encode(value),
  })
  return {
    text: `${field.text} ${rangeText(only)}`,
    expressions: [
      ...load([field]),
      ...(first === last ? [compare('==', first)] : [compare('>=', first), compare('<=', last)]),
    ],
  }
}

const PROTOCOL_NAMES = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
])
export const NFPROTO = meta('nfproto', 'nf_proto', 'meta nfproto')
export const L4PROTO = meta('l4proto', 'inet_proto', 'meta l4proto')

/** One of these IANA protocols. */
export function protocolIn(numbers: readonly number[]): Clause {
  const sorted = numbers.toSorted((a, b) => a - b)
  const { expressions } = inRanges(
    L4PROTO,
    sorted.map(number => [number, number]),
    1,
  )
  const texts = sorted.map(number => PROTOCOL_NAMES.get(number) ?? `${number}`)
  return {
    text: `meta l4proto ${texts.length === 1 ? texts[0] : `{ ${texts.join(', ')} }`}`,
    expressions,
  }
}
