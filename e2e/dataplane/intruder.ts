import { parseIp } from '@sekisho/core'
import { openNetns } from '@sekisho/linux'
import type { Pod } from '../topology.ts'
import {
  closeSocket,
  connectTo,
  openSocket,
  POLL,
  pollAll,
  receiveOn,
  sendOn,
  setHopLimit,
  TYPE,
} from './sockets.ts'

/** What a workload with CAP_NET_RAW may put on the wire, and whether it gets through. */

const IPPROTO = { 4: 1, 6: 58 } as const
/** Longer than any packet takes between namespaces of one machine. */
const QUIET_MS = 100
/** Recognises our message among what a raw socket overhears. */
const MARKER = 'sekisho-intruder'

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4)

function addressBytes(address: string): Uint8Array {
  const ip = parseIp(address)
  if (!ip) throw new TypeError(`not an address: ${address}`)
  const bytes = new Uint8Array(ip.family === 4 ? 4 : 16)
  for (let at = bytes.length - 1, rest = ip.value; at >= 0; at--, rest >>= 8n)
    bytes[at] = Number(rest & 0xffn)
  return bytes
}

function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += view.getUint16(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  return ~sum & 0xffff
}

export interface Message {
  readonly from: Pod
  readonly to: Pod
  readonly family: 4 | 6
  readonly hopLimit?: number
  /** The IP protocol; default ICMP or ICMPv6, whose checksum is then made right. */
  readonly protocol?: number
  /** What stands before the marker; an even number of bytes. */
  readonly head: readonly number[]
}

/** Sends one message from a raw socket. @returns whether a raw socket of the other pod hears it. */
export function isHeard({
  from,
  to,
  family,
  hopLimit = 64,
  protocol = IPPROTO[family],
  head,
}: Message): boolean {
  const destination = to.addresses[family === 4 ? 0 : 1]
  using sender = openNetns(from.netns)
  using receiver = openNetns(to.netns)
  const ear = openSocket({ netns: receiver, address: destination, type: TYPE.raw, protocol })
  const mouth = openSocket({ netns: sender, address: destination, type: TYPE.raw, protocol })
  try {
    setHopLimit(mouth, family, hopLimit)
    connectTo(mouth, destination, 0)
    const bytes = Uint8Array.from([...head, ...Buffer.from(MARKER)])
    if (protocol === IPPROTO[4]) new DataView(bytes.buffer).setUint16(2, checksum(bytes))
    sendOn(mouth, bytes)
    return hears(ear)
  } finally {
    closeSocket(ear)
    closeSocket(mouth)
  }
}

function hears(ear: number): boolean {
  const buffer = new Uint8Array(2048)
  while (pollAll([{ fd: ear, events: POLL.in }], QUIET_MS).size > 0) {
    const length = receiveOn(ear, buffer)
    if (length !== undefined && Buffer.from(buffer.subarray(0, length)).includes(MARKER)) return true
  }
  return false
}

/** "Port unreachable", as if a TCP packet from one end of a connection had met it at the other (RFC 792, RFC 4443). */
export function portUnreachable(
  source: string,
  sourcePort: number,
  destination: string,
  port: number,
): number[] {
  const four = familyOf(source) === 4
  const inner = new Uint8Array((four ? 20 : 40) + 20)
  const view = new DataView(inner.buffer)
  const tcp = inner.length - 20
  view.setUint8(0, four ? 0x45 : 0x60)
  view.setUint16(four ? 2 : 4, four ? inner.length : 20)
  view.setUint8(four ? 9 : 6, 6)
  view.setUint8(four ? 8 : 7, 64)
  inner.set(addressBytes(source), four ? 12 : 8)
  inner.set(addressBytes(destination), four ? 16 : 24)
  if (four) view.setUint16(10, checksum(inner.subarray(0, 20)))
  view.setUint16(tcp, sourcePort)
  view.setUint16(tcp + 2, port)
  view.setUint8(tcp + 12, 0x50)
  view.setUint8(tcp + 13, 0x10)
  return [...(four ? [3, 3] : [1, 4]), 0, 0, 0, 0, 0, 0, ...inner]
}
