import type { Unread } from './parse.ts'

/** What carries packets inside packets over UDP, as far as its own header tells. */
export type UdpTunnel = 'vxlan' | 'geneve' | 'wireguard'
/** What wraps whole packets, so that policy about their inside is not applied. */
export type Tunnel = UdpTunnel | Extract<Unread, 'ip-in-ip' | 'gre' | 'esp'>

const ETHERNET_TYPES: readonly number[] = [0x0800, 0x0806, 0x86dd, 0x8100]

/** Whether an Ethernet frame of a usual kind begins here. */
function isFrame(bytes: Uint8Array, at: number): boolean {
  if (bytes.length < at + 14) return false
  return ETHERNET_TYPES.includes(((bytes[at + 12] ?? 0) << 8) | (bytes[at + 13] ?? 0))
}

/** RFC 7348 section 5: flags 0x08, three zero bytes, network identifier, a zero byte, then an Ethernet frame. */
const isVxlan = (p: Uint8Array): boolean =>
  p[0] === 0x08 && p[1] === 0 && p[2] === 0 && p[3] === 0 && p[7] === 0 && isFrame(p, 8)

/**
 * RFC 8926 section 3.4: version 0 and length of options in words, flags whose low six bits are zero, the type of what
 * is inside (0x6558 for Ethernet, or an EtherType), network identifier, a zero byte.
 */
function isGeneve(p: Uint8Array): boolean {
  const inside = 8 + ((p[0] ?? 0xff) & 0x3f) * 4
  if (p.length < inside || (p[0] ?? 0xff) > 0x3f || ((p[1] ?? 0xff) & 0x3f) !== 0 || p[7] !== 0) return false
  const type = ((p[2] ?? 0) << 8) | (p[3] ?? 0)
  if (type === 0x6558) return isFrame(p, inside)
  return (type === 0x0800 && (p[inside] ?? 0) >> 4 === 4) || (type === 0x86dd && (p[inside] ?? 0) >> 4 === 6)
}

/** The WireGuard paper, section 5.4: a type, three zero bytes, and one length for each type; data is padded to 16. */
function isWireguard(p: Uint8Array): boolean {
  if (p[1] !== 0 || p[2] !== 0 || p[3] !== 0) return false
  switch (p[0]) {
    case 1:
      return p.length === 148
    case 2:
      return p.length === 92
    case 3:
      return p.length === 64
    case 4:
      return p.length >= 32 && p.length % 16 === 0
    default:
      return false
  }
}

/** The tunnel that a datagram's bytes show, whatever its port. */
export function tunnelIn(payload: Uint8Array): UdpTunnel | undefined {
  if (isVxlan(payload)) return 'vxlan'
  if (isGeneve(payload)) return 'geneve'
  return isWireguard(payload) ? 'wireguard' : undefined
}
