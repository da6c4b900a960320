import { fail, Malformed, ok, Reader, type Result } from '@sekisho/core'
import { addressText } from './address-text.ts'

/** What the first bytes of a packet say about its conversation. */
export interface PacketTuple {
  /** Canonical texts. */
  readonly source: string
  readonly destination: string
  /** IANA protocol number. */
  readonly protocol: number
  /** 0 where the protocol has no ports, and in fragments after the first. */
  readonly sourcePort: number
  /** The ICMP type for ICMP. */
  readonly destinationPort: number
  /** Length of the whole packet by its IP header. */
  readonly bytes: number
}

export interface PacketError {
  readonly reason: string
  readonly at: number
}

const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const
/** RFC 8200 section 4.1: headers with a length in eight-byte units; fragment and AH differ. */
const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const AUTHENTICATION = 51
const DESTINATION_OPTIONS = 60
/** More extension headers than any honest packet has. */
const EXTENSIONS_MAX = 8

const ip4 = (reader: Reader): string => addressText(reader.bytes(4)) ?? ''
const ip6 = (reader: Reader): string => addressText(reader.bytes(16)) ?? ''

interface Ports {
  readonly sourcePort: number
  readonly destinationPort: number
}
const NONE: Ports = { sourcePort: 0, destinationPort: 0 }

function parsePorts(reader: Reader, protocol: number): Ports {
  switch (protocol) {
    case PROTOCOL.tcp:
    case PROTOCOL.udp:
    case PROTOCOL.sctp:
      return { sourcePort: reader.u16be(), destinationPort: reader.u16be() }
    case PROTOCOL.icmp:
    case PROTOCOL.icmp6:
      return { sourcePort: 0, destinationPort: reader.u8() }
    default:
      return NONE
  }
}

/** RFC 791 section 3.1. */
function parseIp4(reader: Reader): PacketTuple {
  const start = reader.at
  const headerBytes = (reader.u8() & 0xf) * 4
  if (headerBytes < 20) throw new Malformed(`IPv4 header of ${headerBytes} bytes`, start)
  reader.skip(1)
  const bytes = reader.u16be()
  reader.skip(2)
  const fragmentOffset = reader.u16be() & 0x1fff
  reader.skip(1)
  const protocol = reader.u8()
  reader.skip(2)
  const ends = { source: ip4(reader), destination: ip4(reader) }
  reader.skip(headerBytes - 20)
  const ports = fragmentOffset === 0 ? parsePorts(reader, protocol) : NONE
  return { ...ends, protocol, ...ports, bytes }
}

interface Extension {
  readonly next: number
  readonly laterFragment: boolean
}

/** One extension header, whose kind is `kind`; undefined when it is the upper layer. */
function skipExtension(reader: Reader, kind: number): Extension | undefined {
  if (kind === FRAGMENT) {
    const next = reader.u8()
    reader.skip(1)
    const laterFragment = reader.u16be() >> 3 !== 0
    reader.skip(4)
    return { next, laterFragment }
  }
  if (![HOP_BY_HOP, ROUTING, DESTINATION_OPTIONS, AUTHENTICATION].includes(kind)) return undefined
  const next = reader.u8()
  const units = reader.u8()
  // RFC 4302 section 2.2: the authentication header counts in four-byte units, less two.
  reader.skip(kind === AUTHENTICATION ? units * 4 + 6 : units * 8 + 6)
  return { next, laterFragment: false }
}

/** RFC 8200 section 3. */
function parseIp6(reader: Reader): PacketTuple {
  reader.skip(4)
  const bytes = 40 + reader.u16be()
  let protocol = reader.u8()
  reader.skip(1)
  const ends = { source: ip6(reader), destination: ip6(reader) }
  for (let count = 0; ; count++) {
    if (count > EXTENSIONS_MAX) throw new Malformed('too many extension headers', reader.at)
    const extension = skipExtension(reader, protocol)
    if (!extension) return { ...ends, protocol, ...parsePorts(reader, protocol), bytes }
    protocol = extension.next
    if (extension.laterFragment) return { ...ends, protocol, ...NONE, bytes }
  }
}

/** Reads addresses, protocol and ports from the start of an IP packet; the bytes may end anywhere behind them. */
export function parsePacket(payload: Uint8Array): Result<PacketTuple, PacketError> {
  try {
    const version = new Reader(payload).u8() >> 4
    if (version === 4) return ok(parseIp4(new Reader(payload)))
    if (version === 6) return ok(parseIp6(new Reader(payload)))
    return fail({ reason: `IP version ${version}`, at: 0 })
  } catch (error) {
    if (error instanceof Malformed) return fail({ reason: error.message, at: error.at })
    throw error
  }
}
