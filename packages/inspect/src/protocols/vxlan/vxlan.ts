import { u16, u32 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * VXLAN (RFC 7348): flags(8, 0x08) reserved(24) network(24) reserved(8), then an Ethernet frame.
 */
const HEADER_BYTES = 8
const ETHERTYPE = HEADER_BYTES + 12
/** IPv4, IPv6, ARP, a VLAN. */
const ETHERTYPES: ReadonlySet<number> = new Set([0x0800, 0x86dd, 0x0806, 0x8100])

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const isHeader = u32(bytes, 0) === 0x08000000 && bytes[7] === 0
  return isHeader && ETHERTYPES.has(u16(bytes, ETHERTYPE)) ? certain('header and an Ethernet frame') : NO
}

export const vxlan: Protocol = { application: 'vxlan', transports: ['UDP'], recognise }
