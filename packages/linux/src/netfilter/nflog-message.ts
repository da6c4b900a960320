import { type EpochMs, Malformed, type Reader } from '@sekisho/core'
import { eachAttribute, text } from '../netlink/message.ts'
import { GENERIC_HEADER_BYTES } from './subsystem.ts'

/** A packet that a rule logged. */
export interface LoggedPacket {
  /** The rule's `log prefix`. */
  readonly prefix: string
  readonly mark: number
  /** Interface indexes in the namespace of the group. */
  readonly inInterface?: number
  readonly outInterface?: number
  /** The first bytes from the IP header on; an own copy. */
  readonly payload: Uint8Array
  /** The kernel's time of arrival, where it took one; else the time of reading. */
  readonly at: EpochMs
}

/** enum nfulnl_attr_type, include/uapi/linux/netfilter/nfnetlink_log.h. */
const NFULA = {
  mark: 2,
  timestamp: 3,
  inInterface: 4,
  outInterface: 5,
  payload: 9,
  prefix: 10,
} as const

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** struct nfulnl_msg_packet_timestamp: seconds:be64 microseconds:be64. */
const timestamp = (value: Reader): EpochMs =>
  (Number(value.u64be()) * 1_000 + Math.floor(Number(value.u64be()) / 1_000)) as EpochMs

function parseField(type: number, value: Reader, packet: Mutable<LoggedPacket>): void {
  switch (type) {
    case NFULA.mark:
      packet.mark = value.u32be()
      return
    case NFULA.timestamp:
      packet.at = timestamp(value)
      return
    case NFULA.inInterface:
      packet.inInterface = value.u32be()
      return
    case NFULA.outInterface:
      packet.outInterface = value.u32be()
      return
    case NFULA.payload:
      packet.payload = value.bytes(value.left).slice()
      return
    case NFULA.prefix:
      packet.prefix = text(value)
      return
  }
}

/** NFULNL_MSG_PACKET: nfgenmsg, then attributes. Raises `Malformed`. */
export function parseLoggedPacket(body: Reader, now: EpochMs): LoggedPacket {
  body.skip(GENERIC_HEADER_BYTES)
  const packet: Mutable<LoggedPacket> = { prefix: '', mark: 0, payload: new Uint8Array(), at: now }
  eachAttribute(body, (type, value) => parseField(type, value, packet))
  if (packet.payload.length === 0) throw new Malformed('a logged packet without payload', body.at)
  return packet
}
