import type { CapturedPacket } from './pcap.ts'

const ETHERNET = 1
const PPP = 9
const RAW = [12, 14, 101, 228, 229]
const NULL = 0
const LOOP = 108
const COOKED = 113
const COOKED_2 = 276
const WIFI = 105
const WIFI_RADIOTAP = 127
const VLAN = [0x8100, 0x88a8, 0x9100]
const MPLS = [0x8847, 0x8848]
const PPPOE = 0x8864
const IP = [0x0800, 0x86dd]

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

/** The IP packet inside, or undefined where there is none. */
export function ipPacketIn({ linkType, bytes }: CapturedPacket): Uint8Array | undefined {
  if (linkType === ETHERNET) return typed(bytes, 12)
  if (linkType === COOKED) return typed(bytes, 14)
  if (linkType === COOKED_2) return IP.includes(u16(bytes, 0)) ? bytes.subarray(20) : undefined
  if (linkType === NULL || linkType === LOOP) return bytes.subarray(4)
  if (linkType === PPP) return bytes.subarray(bytes[0] === 0xff ? 4 : 2)
  if (linkType === WIFI) return wifi(bytes)
  if (linkType === WIFI_RADIOTAP) return wifi(bytes.subarray((bytes[2] ?? 0) | ((bytes[3] ?? 0) << 8)))
  return RAW.includes(linkType) ? bytes : undefined
}

/** @param at where the EtherType stands; VLAN tags, MPLS labels and PPPoE sessions are passed over. */
function typed(bytes: Uint8Array, at: number): Uint8Array | undefined {
  let from = at
  while (VLAN.includes(u16(bytes, from))) from += 4
  const type = u16(bytes, from)
  if (IP.includes(type)) return bytes.subarray(from + 2)
  if (type === PPPOE) return bytes.subarray(from + 10)
  if (!MPLS.includes(type)) return undefined
  from += 2
  while (from + 4 < bytes.length && ((bytes[from + 2] ?? 1) & 1) === 0) from += 4
  return bytes.subarray(from + 4)
}

/** An unencrypted 802.11 data frame with an LLC/SNAP header. */
function wifi(bytes: Uint8Array): Uint8Array | undefined {
  const control = bytes[0] ?? 0
  if ((control & 0x0c) !== 0x08 || ((bytes[1] ?? 0) & 0x40) !== 0) return undefined
  const fourAddresses = ((bytes[1] ?? 0) & 0x03) === 0x03
  const header = 24 + (fourAddresses ? 6 : 0) + ((control & 0x80) !== 0 ? 2 : 0)
  return typed(bytes, header + 6)
}
