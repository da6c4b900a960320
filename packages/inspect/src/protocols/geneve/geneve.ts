import { u16 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Geneve (RFC 8926): version(2 bits, 0) options(6 bits, in fours) flags(2 bits) reserved(6 bits) protocol(16)
 * network(24) reserved(8), the options, then a frame or packet.
 */
const HEADER_BYTES = 8
const ETHERNET = 0x6558
const ETHERTYPES: ReadonlySet<number> = new Set([0x0800, 0x86dd, 0x0806, 0x8100])

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const [first = 0, flags = 0] = bytes
  if (first > 0x3f || (flags & 0x3f) !== 0 || bytes[7] !== 0) return NO
  const inner = HEADER_BYTES + 4 * first
  const protocol = u16(bytes, 2)
  if (protocol === ETHERNET)
    return ETHERTYPES.has(u16(bytes, inner + 12)) ? certain('header and an Ethernet frame') : NO
  const version = (bytes[inner] ?? 0) >> 4
  return (protocol === 0x0800 && version === 4) || (protocol === 0x86dd && version === 6)
    ? certain('header and an IP packet')
    : NO
}

export const geneve: Protocol = { application: 'geneve', transports: ['UDP'], recognise }
