import { addressBytes, type EpochMs, Malformed, parseIp, type Reader } from '@sekisho/core'
import { AddressTexts } from '../address-texts.ts'
import { AttributeWalk } from '../netlink/attributes.ts'
import { attribute, type MessageHeader, NLM, nested, u8, u16be } from '../netlink/message.ts'
import { GENERIC_HEADER_BYTES } from './subsystem.ts'

/** One direction of a connection, as the kernel sees it on that side of any address translation. */
export interface Tuple {
  /** Canonical texts. */
  readonly source: string
  readonly destination: string
  /** IANA protocol number. */
  readonly protocol: number
  /** 0 where the protocol has no ports. */
  readonly sourcePort: number
  readonly destinationPort: number
  readonly icmp?: { readonly type: number; readonly code: number; readonly id: number }
}

export interface Counters {
  readonly packets: number
  readonly bytes: number
}

/** One connection in the kernel's table. */
export interface ConntrackEntry {
  /** Equal for all events of one connection; reused by the kernel after it ended. */
  readonly id: number
  readonly original: Tuple
  readonly reply: Tuple
  /** IANA protocol number, as in both tuples. */
  readonly protocolNumber: number
  readonly mark: number
  /** Conntrack zone; 0 where none is set. */
  readonly zone: number
  /** Source to destination; absent when the namespace does not count (see `enableAccounting`). */
  readonly originalCounters?: Counters
  readonly replyCounters?: Counters
  /** When it began, with timestamps enabled before. */
  readonly timestampStart?: EpochMs
}

export interface ConntrackEvent extends ConntrackEntry {
  readonly kind: 'new' | 'update' | 'destroy'
}

/** enum ctattr_type and its inner enums, include/uapi/linux/netfilter/nfnetlink_conntrack.h. */
export const CTA = {
  tupleOriginal: 1,
  tupleReply: 2,
  mark: 8,
  countersOriginal: 9,
  countersReply: 10,
  id: 12,
  zone: 18,
  timestamp: 20,
  markMask: 21,
} as const
const TUPLE = { ip: 1, protocol: 2 } as const
const IP = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const
const PROTOCOL = {
  number: 1,
  sourcePort: 2,
  destinationPort: 3,
  icmp: { id: 4, type: 5, code: 6 },
  icmp6: { id: 7, type: 8, code: 9 },
} as const
const COUNTERS = { packets: 1, bytes: 2 } as const
const TIMESTAMP_START = 1

export const CONNTRACK_MESSAGE = { new: 0, get: 1, delete: 2 } as const

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Used for all messages: parsing is synchronous. */
const walk = new AttributeWalk()
const texts = new AddressTexts()

function address(each: AttributeWalk): string {
  if (each.length === 4) return texts.ip4(each.u32be())
  if (each.length === 16) return texts.ip6(each.u32be(), each.u32be(4), each.u32be(8), each.u32be(12))
  throw new Malformed(`an address of ${each.length} bytes`, 0)
}

function parseIps(each: AttributeWalk, tuple: Mutable<Tuple>): void {
  while (each.next()) {
    if (each.type === IP.source4 || each.type === IP.source6) tuple.source = address(each)
    else if (each.type === IP.destination4 || each.type === IP.destination6) tuple.destination = address(each)
  }
}

function parseProtocol(each: AttributeWalk, tuple: Mutable<Tuple>): void {
  const { icmp, icmp6 } = PROTOCOL
  let [id, code] = [0, 0]
  while (each.next()) {
    const { type } = each
    if (type === PROTOCOL.number) tuple.protocol = each.u8()
    else if (type === PROTOCOL.sourcePort) tuple.sourcePort = each.u16be()
    else if (type === PROTOCOL.destinationPort) tuple.destinationPort = each.u16be()
    else if (type === icmp.id || type === icmp6.id) id = each.u16be()
    else if (type === icmp.type || type === icmp6.type) tuple.icmp = { type: each.u8(), code: 0, id: 0 }
    else if (type === icmp.code || type === icmp6.code) code = each.u8()
  }
  if (tuple.icmp) tuple.icmp = { type: tuple.icmp.type, code, id }
}

function parseTuple(each: AttributeWalk): Tuple {
  const tuple: Mutable<Tuple> = {
    source: '',
    destination: '',
    protocol: 0,
    sourcePort: 0,
    destinationPort: 0,
  }
  while (each.next()) {
    if (each.type === TUPLE.ip) parseIps(each.inside(), tuple)
    else if (each.type === TUPLE.protocol) parseProtocol(each.inside(), tuple)
  }
  if (tuple.source === '' || tuple.destination === '') throw new Malformed('a tuple without addresses', 0)
  return tuple
}

function parseCounters(each: AttributeWalk): Counters {
  const counters = { packets: 0, bytes: 0 }
  while (each.next()) {
    if (each.type === COUNTERS.packets) counters.packets = each.u64be()
    else if (each.type === COUNTERS.bytes) counters.bytes = each.u64be()
  }
  return counters
}

function parseTimestamp(each: AttributeWalk, entry: Draft): void {
  while (each.next()) {
    // Nanoseconds since the epoch.
    if (each.type === TIMESTAMP_START) entry.timestampStart = Math.floor(each.u64be() / 1e6) as EpochMs
  }
}

function parseField(each: AttributeWalk, entry: Draft): void {
  switch (each.type) {
    case CTA.tupleOriginal:
      entry.original = parseTuple(each.inside())
      return
    case CTA.tupleReply:
      entry.reply = parseTuple(each.inside())
      return
    case CTA.mark:
      entry.mark = each.u32be()
      return
    case CTA.countersOriginal:
      entry.originalCounters = parseCounters(each.inside())
      return
    case CTA.countersReply:
      entry.replyCounters = parseCounters(each.inside())
      return
    case CTA.id:
      entry.id = each.u32be()
      return
    case CTA.zone:
      entry.zone = each.u16be()
      return
    case CTA.timestamp:
      parseTimestamp(each.inside(), entry)
      return
  }
}

/** Until it is known, a connection is between nobody. */
const NO_TUPLE: Tuple = { source: '', destination: '', protocol: 0, sourcePort: 0, destinationPort: 0 }

type Draft = Mutable<ConntrackEntry>

/** Fills in what nfgenmsg and the attributes say. Raises `Malformed`. */
function fill<T extends Draft>(entry: T, body: Reader): T {
  body.skip(GENERIC_HEADER_BYTES)
  for (const each = walk.over(body); each.next(); ) parseField(each, entry)
  if (entry.original === NO_TUPLE || entry.reply === NO_TUPLE) {
    throw new Malformed('a connection without tuples', body.at)
  }
  entry.protocolNumber = entry.original.protocol
  return entry
}

/** An entry of a dump. Raises `Malformed`. */
export function parseConntrackEntry(body: Reader): ConntrackEntry {
  const tuples = { original: NO_TUPLE, reply: NO_TUPLE }
  return fill<Draft>({ id: 0, ...tuples, protocolNumber: 0, mark: 0, zone: 0 }, body)
}

/** An event. Raises `Malformed`. */
export function parseConntrackEvent(header: MessageHeader, body: Reader): ConntrackEvent {
  const tuples = { original: NO_TUPLE, reply: NO_TUPLE }
  return fill<Mutable<ConntrackEvent>>(
    { kind: eventKind(header), id: 0, ...tuples, protocolNumber: 0, mark: 0, zone: 0 },
    body,
  )
}

/** The kernel sends NEW with CREATE|EXCL for a new connection, NEW alone for a change, DELETE at the end. */
function eventKind(header: MessageHeader): ConntrackEvent['kind'] {
  if ((header.type & 0xff) === CONNTRACK_MESSAGE.delete) return 'destroy'
  return header.flags & (NLM.create | NLM.excl) ? 'new' : 'update'
}

function encodeAddress(text: string, types: { 4: number; 6: number }): Uint8Array {
  const ip = parseIp(text)
  if (!ip) throw new TypeError(`not an address: ${JSON.stringify(text)}`)
  return attribute(types[ip.family], addressBytes(ip))
}

function encodeIcmp({ type, code, id }: NonNullable<Tuple['icmp']>, protocol: number): Uint8Array[] {
  const types = protocol === 1 ? PROTOCOL.icmp : PROTOCOL.icmp6
  return [attribute(types.id, u16be(id)), attribute(types.type, u8(type)), attribute(types.code, u8(code))]
}

/** CTA_TUPLE_ORIG or CTA_TUPLE_REPLY, to name a connection in a request. */
export function encodeTuple(type: number, tuple: Tuple): Uint8Array {
  const ports = [
    attribute(PROTOCOL.sourcePort, u16be(tuple.sourcePort)),
    attribute(PROTOCOL.destinationPort, u16be(tuple.destinationPort)),
  ]
  return nested(
    type,
    nested(
      TUPLE.ip,
      encodeAddress(tuple.source, { 4: IP.source4, 6: IP.source6 }),
      encodeAddress(tuple.destination, { 4: IP.destination4, 6: IP.destination6 }),
    ),
    nested(
      TUPLE.protocol,
      attribute(PROTOCOL.number, u8(tuple.protocol)),
      ...(tuple.icmp ? encodeIcmp(tuple.icmp, tuple.protocol) : ports),
    ),
  )
}
