/** Bits of the TCP header's flags byte (RFC 9293 section 3.1). */
export const TCP = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20 } as const

/** IANA protocol numbers that are told apart. */
export const IP_PROTOCOL = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  IP_IN_IP: 4,
  TCP: 6,
  UDP: 17,
  IPV6_IN_IP: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMPV6: 58,
  NO_NEXT: 59,
  DESTINATION_OPTIONS: 60,
  SCTP: 132,
  MOBILITY: 135,
} as const

/**
 * Where things stand in one packet: offsets into its bytes, and the numbers of its transport header. One object is
 * filled again for every packet, so that reading one allocates nothing.
 */
export class PacketHeader {
  family: 4 | 6 = 4
  /** Of the transport header, after all extension headers. */
  protocol = 0
  /** Time to live, or hop limit. */
  hops = 0
  /** Addresses are 4 or 16 bytes long. */
  sourceAt = 0
  destinationAt = 0
  transportAt = 0
  payloadAt = 0
  payloadEnd = 0
  /** Bytes that the packet has and that are not at hand: it was copied in part. */
  missing = 0
  /** 0 where the transport has no ports; of ICMP the identifier of who asks, and the type of the question. */
  sourcePort = 0
  destinationPort = 0
  /** TCP only from here on; numbers are unsigned 32 bits. */
  sequence = 0
  acknowledgement = 0
  flags = 0
  window = 0
  urgentPointer = 0
  hasTimestamp = false
  timestamp = 0

  /** Bytes of payload at hand. */
  get payloadLength(): number {
    return this.payloadEnd - this.payloadAt
  }
}
