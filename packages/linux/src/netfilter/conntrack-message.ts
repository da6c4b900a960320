import { type EpochMs, Malformed, parseIp, type Reader } from '@sekisho/core'
import { addressBytes, addressText } from '../address-text.ts'
import {
  attribute,
  eachAttribute,
  type MessageHeader,
  NLM,
  nested,
  u8,
  u16be,
  u64,
} from '../netlink/message.ts'
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

/** Bits of `status` (enum ip_conntrack_status). */
export const CONNTRACK_STATUS = {
  expected: 1 << 0,
  seenReply: 1 << 1,
  assured: 1 << 2,
  confirmed: 1 << 3,
  sourceNat: 1 << 4,
  destinationNat: 1 << 5,
  dying: 1 << 9,
} as const

const TCP_STATES = [
  'none',
  'syn-sent',
  'syn-recv',
  'established',
  'fin-wait',
  'close-wait',
  'last-ack',
  'time-wait',
  'close',
  'syn-sent2',
] as const
export type TcpState = (typeof TCP_STATES)[number]

/** One connection in the kernel's table. */
export interface ConntrackEntry {
  /** Equal for all events of one connection; reused by the kernel after it ended. */
  readonly id: number
  readonly original: Tuple
  readonly reply: Tuple
  /** IANA protocol number, as in both tuples. */
  readonly protocolNumber: number
  readonly mark: number
  /** See `CONNTRACK_STATUS`. */
  readonly status: number
  /** Conntrack zone; 0 where none is set. */
  readonly zone: number
  readonly tcpState?: TcpState
  /** Source to destination; absent when the namespace does not count (see `enableAccounting`). */
  readonly originalCounters?: Counters
  readonly replyCounters?: Counters
  readonly timestampStart?: EpochMs
  readonly timestampStop?: EpochMs
  /** When the kernel made this event; since Linux 6.14, with timestamps enabled. */
  readonly timestampEvent?: EpochMs
}

export interface ConntrackEvent extends ConntrackEntry {
  readonly kind: 'new' | 'update' | 'destroy'
}

/** enum ctattr_type and its inner enums, include/uapi/linux/netfilter/nfnetlink_conntrack.h. */
export const CTA = {
  tupleOriginal: 1,
  tupleReply: 2,
  status: 3,
  protocolInfo: 4,
  mark: 8,
  countersOriginal: 9,
  countersReply: 10,
  id: 12,
  zone: 18,
  timestamp: 20,
  markMask: 21,
  timestampEvent: 27,
} as const
const TUPLE = { ip: 1, protocol: 2 } as const
const IP = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const
/** ICMP: identifier, type, code. */
const PROTOCOL = { number: 1, sourcePort: 2, destinationPort: 3, icmp: [4, 5, 6], icmp6: [7, 8, 9] } as const
const COUNTERS = { packets: 1, bytes: 2 } as const
const TIMESTAMP = { start: 1, stop: 2 } as const
const PROTOCOL_INFO_TCP = 1
const TCP_STATE = 1

export const CONNTRACK_MESSAGE = { new: 0, get: 1, delete: 2 } as const

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function address(value: Reader): string {
  const text = addressText(value.bytes(value.left))
  if (text === undefined) throw new Malformed('an address of neither 4 nor 16 bytes', value.at)
  return text
}

function parseIps(reader: Reader, tuple: Mutable<Tuple>): void {
  eachAttribute(reader, (type, value) => {
    if (type === IP.source4 || type === IP.source6) tuple.source = address(value)
    else if (type === IP.destination4 || type === IP.destination6) tuple.destination = address(value)
  })
}

function parseProtocol(reader: Reader, tuple: Mutable<Tuple>): void {
  const icmp = { type: 0, code: 0, id: 0 }
  let isIcmp = false
  eachAttribute(reader, (type, value) => {
    if (type === PROTOCOL.number) tuple.protocol = value.u8()
    else if (type === PROTOCOL.sourcePort) tuple.sourcePort = value.u16be()
    else if (type === PROTOCOL.destinationPort) tuple.destinationPort = value.u16be()
    else if (type === PROTOCOL.icmp[0] || type === PROTOCOL.icmp6[0]) icmp.id = value.u16be()
    else if (type === PROTOCOL.icmp[1] || type === PROTOCOL.icmp6[1]) {
      icmp.type = value.u8()
      isIcmp = true
    } else if (type === PROTOCOL.icmp[2] || type === PROTOCOL.icmp6[2]) icmp.code = value.u8()
  })
  if (isIcmp) tuple.icmp = icmp
}

function parseTuple(reader: Reader): Tuple {
  const tuple: Mutable<Tuple> = {
    source: '',
    destination: '',
    protocol: 0,
    sourcePort: 0,
    destinationPort: 0,
  }
  const at = reader.at
  eachAttribute(reader, (type, value) => {
    if (type === TUPLE.ip) parseIps(value, tuple)
    else if (type === TUPLE.protocol) parseProtocol(value, tuple)
  })
  if (tuple.source === '' || tuple.destination === '') throw new Malformed('a tuple without addresses', at)
  return tuple
}

function parseCounters(reader: Reader): Counters {
  const counters = { packets: 0, bytes: 0 }
  eachAttribute(reader, (type, value) => {
    if (type === COUNTERS.packets) counters.packets = u64(value)
    else if (type === COUNTERS.bytes) counters.bytes = u64(value)
  })
  return counters
}

/** Nanoseconds since the epoch, in the message; milliseconds here. */
const epochMs = (value: Reader): EpochMs => Math.floor(u64(value) / 1e6) as EpochMs

function parseTimestamp(reader: Reader, entry: Partial<Mutable<ConntrackEntry>>): void {
  eachAttribute(reader, (type, value) => {
    if (type === TIMESTAMP.start) entry.timestampStart = epochMs(value)
    else if (type === TIMESTAMP.stop) entry.timestampStop = epochMs(value)
  })
}

function parseTcpState(reader: Reader): TcpState | undefined {
  let state: TcpState | undefined
  eachAttribute(reader, (type, value) => {
    if (type !== PROTOCOL_INFO_TCP) return
    eachAttribute(value, (inner, byte) => {
      if (inner === TCP_STATE) state = TCP_STATES[byte.u8()]
    })
  })
  return state
}

function parseField(type: number, value: Reader, entry: Partial<Mutable<ConntrackEntry>>): void {
  switch (type) {
    case CTA.tupleOriginal:
      entry.original = parseTuple(value)
      return
    case CTA.tupleReply:
      entry.reply = parseTuple(value)
      return
    case CTA.status:
      entry.status = value.u32be()
      return
    case CTA.protocolInfo: {
      const state = parseTcpState(value)
      if (state !== undefined) entry.tcpState = state
      return
    }
    case CTA.mark:
      entry.mark = value.u32be()
      return
    case CTA.countersOriginal:
      entry.originalCounters = parseCounters(value)
      return
    case CTA.countersReply:
      entry.replyCounters = parseCounters(value)
      return
    case CTA.id:
      entry.id = value.u32be()
      return
    case CTA.zone:
      entry.zone = value.u16be()
      return
    case CTA.timestamp:
      parseTimestamp(value, entry)
      return
    case CTA.timestampEvent:
      entry.timestampEvent = epochMs(value)
      return
  }
}

/** An entry of a dump or an event: nfgenmsg, then attributes. Raises `Malformed`. */
export function parseConntrackEntry(body: Reader): ConntrackEntry {
  body.skip(GENERIC_HEADER_BYTES)
  const entry: Partial<Mutable<ConntrackEntry>> = {}
  eachAttribute(body, (type, value) => parseField(type, value, entry))
  const { original, reply, id = 0, mark = 0, status = 0, zone = 0, ...rest } = entry
  if (!original || !reply) throw new Malformed('a connection without tuples', body.at)
  return { ...rest, id, original, reply, protocolNumber: original.protocol, mark, status, zone }
}

/** The kernel sends NEW with CREATE|EXCL for a new connection, NEW alone for a change, DELETE at the end. */
export function conntrackEventKind(header: MessageHeader): ConntrackEvent['kind'] {
  if ((header.type & 0xff) === CONNTRACK_MESSAGE.delete) return 'destroy'
  return header.flags & (NLM.create | NLM.excl) ? 'new' : 'update'
}

function encodeAddress(text: string, types: { 4: number; 6: number }): Uint8Array {
  const ip = parseIp(text)
  if (!ip) throw new TypeError(`not an address: ${JSON.stringify(text)}`)
  return attribute(types[ip.family], addressBytes(ip.family, ip.value))
}

function encodeIcmp({ type, code, id }: NonNullable<Tuple['icmp']>, protocol: number): Uint8Array[] {
  const [idType, typeType, codeType] = protocol === 1 ? PROTOCOL.icmp : PROTOCOL.icmp6
  return [attribute(idType, u16be(id)), attribute(typeType, u8(type)), attribute(codeType, u8(code))]
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
