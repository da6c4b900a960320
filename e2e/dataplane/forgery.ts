import { parseIp } from '@sekisho/core'
import type { Netns } from '@sekisho/linux'
import {
  bindTo,
  closeSocket,
  connectTo,
  openSocket,
  POLL,
  pollAll,
  sendOn,
  TYPE,
  withOwnHeader,
} from './sockets.ts'

const IPPROTO_RAW = 255
const UDP = 17
const HEADER = 20

/** Sends a UDP datagram over IPv4 whose source address the sender made up. */
export function sendForged(
  netns: Netns,
  { source, destination, port }: { source: string; destination: string; port: number },
): void {
  const bytes = new Uint8Array(HEADER + 16)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, 0x45)
  view.setUint16(2, bytes.length)
  view.setUint8(8, 64)
  view.setUint8(9, UDP)
  view.setUint32(12, Number(parseIp(source)?.value))
  view.setUint32(16, Number(parseIp(destination)?.value))
  view.setUint16(HEADER, 4000)
  view.setUint16(HEADER + 2, port)
  view.setUint16(HEADER + 4, 16)
  const fd = openSocket({ netns, address: source, type: TYPE.raw, protocol: IPPROTO_RAW })
  try {
    withOwnHeader(fd)
    connectTo(fd, destination, 0)
    sendOn(fd, bytes)
  } finally {
    closeSocket(fd)
  }
}

/** Whether a datagram whose source the sender made up reaches a socket of its own. */
export function forgeryArrives({
  from,
  to,
  ...datagram
}: {
  from: Netns
  to: Netns
  source: string
  destination: string
  port: number
}): boolean {
  const ear = openSocket({ netns: to, address: datagram.destination, type: TYPE.datagram })
  try {
    bindTo(ear, datagram.destination, datagram.port)
    sendForged(from, datagram)
    return pollAll([{ fd: ear, events: POLL.in }], 100).size > 0
  } finally {
    closeSocket(ear)
  }
}
