import { u16 } from '../numbers.ts'
import type { PacketHeader } from './header.ts'

/**
 * Whether the packet goes from the lower to the higher of the flow's two ends (address, then port). Both directions
 * of a flow have one key; this tells them apart. An end that talks to itself is its own lower end.
 */
export function fromLower(bytes: Uint8Array, header: PacketHeader): boolean {
  const length = header.family === 4 ? 4 : 16
  for (let i = 0; i < length; i++) {
    const difference = (bytes[header.sourceAt + i] ?? 0) - (bytes[header.destinationAt + i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return header.sourcePort <= header.destinationPort
}

/**
 * A flow's key, equal in both directions and of no other flow: its two ends and its protocol as characters, which is
 * the cheapest thing that a `Map` compares by value.
 * @param isFromLower of the same packet.
 */
export function flowKey(bytes: Uint8Array, header: PacketHeader, isFromLower: boolean): string {
  const low = isFromLower ? header.sourceAt : header.destinationAt
  const high = isFromLower ? header.destinationAt : header.sourceAt
  const lowPort = isFromLower ? header.sourcePort : header.destinationPort
  const highPort = isFromLower ? header.destinationPort : header.sourcePort
  if (header.family === 6)
    return ends6(bytes, low, high) + String.fromCharCode(lowPort, highPort, header.protocol)
  return String.fromCharCode(
    u16(bytes, low),
    u16(bytes, low + 2),
    u16(bytes, high),
    u16(bytes, high + 2),
    lowPort,
    highPort,
    header.protocol,
  )
}

const ends6 = (bytes: Uint8Array, low: number, high: number): string =>
  address6(bytes, low) + address6(bytes, high)

const address6 = (bytes: Uint8Array, at: number): string =>
  String.fromCharCode(
    u16(bytes, at),
    u16(bytes, at + 2),
    u16(bytes, at + 4),
    u16(bytes, at + 6),
    u16(bytes, at + 8),
    u16(bytes, at + 10),
    u16(bytes, at + 12),
    u16(bytes, at + 14),
  )
