import type { Protocol } from '@sekisho/core'
import { type Netns, openNetns } from '@sekisho/linux'
import { initChunk, initTags, SCTP } from './sctp.ts'
import {
  acceptOn,
  bindTo,
  closeSocket,
  connectTo,
  listenOn,
  onlyIp6,
  openSocket,
  POLL,
  pollAll,
  receiveOn,
  resetOnClose,
  sendOn,
  TYPE,
} from './sockets.ts'

export interface Probe {
  /** Namespace and address it is sent from. */
  readonly from: string
  readonly source: string
  readonly destination: string
  readonly protocol: Extract<Protocol, 'TCP' | 'UDP' | 'SCTP' | 'ICMP' | 'ICMPv6'>
  /** Ignored for ICMP: an echo request is sent. */
  readonly port: number
}

/**
 * How long nothing must have arrived before what is missing counts as dropped. Packets between namespaces of one
 * machine are delivered within the sending system call, so this is generous.
 */
const QUIET_MS = 120
const ICMP = {
  4: { protocol: 1, request: 8, reply: 0 },
  6: { protocol: 58, request: 128, reply: 129 },
} as const

/** Sends many probes at once from one thread, whatever namespaces they start and end in. */
export interface Prober extends Disposable {
  /** Listens for TCP and UDP on these ports of a namespace, IPv4 and IPv6. */
  listen(namespace: string, ports: readonly number[]): void
  /**
   * For each probe whether it arrived: UDP by content, ICMP by its reply, TCP by a completed handshake. SCTP is an
   * INIT chunk between raw sockets, since connection tracking knows the protocol even where the kernel has no sockets.
   */
  send(probes: readonly Probe[]): boolean[]
}

interface Waiting {
  readonly fd: number
  readonly events: number
}

export function createProber(): Prober {
  const namespaces = new Map<string, Netns>()
  const datagrams: number[] = []
  const streams: number[] = []
  const associations: number[] = []
  let nextId = 1

  function netnsOf(name: string): Netns {
    const known = namespaces.get(name)
    if (known) return known
    const opened = openNetns(name)
    namespaces.set(name, opened)
    return opened
  }

  function arrivedIds(fds: Iterable<number>, arrived: Set<number>): void {
    const buffer = new Uint8Array(2048)
    for (const fd of fds) {
      for (let length = receiveOn(fd, buffer); length !== undefined; length = receiveOn(fd, buffer)) {
        if (length >= 4) arrived.add(new DataView(buffer.buffer).getUint32(0))
      }
    }
  }

  function startTcp({ from, source, destination, port }: Probe): number {
    const fd = openSocket({ netns: netnsOf(from), address: source, type: TYPE.stream })
    resetOnClose(fd)
    bindTo(fd, source, 0)
    connectTo(fd, destination, port)
    return fd
  }

  function sendUdp({ from, source, destination, port }: Probe, id: number): number {
    const fd = openSocket({ netns: netnsOf(from), address: source, type: TYPE.datagram })
    bindTo(fd, source, 0)
    connectTo(fd, destination, port)
    sendOn(fd, numbered(id))
    return fd
  }

  function sendEcho({ from, source, destination }: Probe, id: number): number {
    const family = source.includes(':') ? 6 : 4
    const { protocol, request } = ICMP[family]
    const fd = openSocket({ netns: netnsOf(from), address: source, type: TYPE.raw, protocol })
    bindTo(fd, source, 0)
    connectTo(fd, destination, 0)
    sendOn(fd, echoRequest(request, id))
    return fd
  }

  function sendInit({ from, source, destination, port }: Probe, id: number): number {
    const fd = openSocket({ netns: netnsOf(from), address: source, type: TYPE.raw, protocol: SCTP })
    bindTo(fd, source, 0)
    connectTo(fd, destination, 0)
    sendOn(fd, initChunk({ sourcePort: 20_000 + (id % 40_000), port, tag: id }))
    return fd
  }

  function start(probe: Probe, id: number): number {
    switch (probe.protocol) {
      case 'TCP':
        return startTcp(probe)
      case 'UDP':
        return sendUdp(probe, id)
      case 'SCTP':
        return sendInit(probe, id)
      case 'ICMP':
      case 'ICMPv6':
        return sendEcho(probe, id)
    }
  }

  return {
    listen(namespace, ports) {
      for (const any of ['0.0.0.0', '::']) {
        associations.push(
          openSocket({ netns: netnsOf(namespace), address: any, type: TYPE.raw, protocol: SCTP }),
        )
      }
      for (const port of ports) {
        for (const any of ['0.0.0.0', '::']) {
          const netns = netnsOf(namespace)
          const stream = openSocket({ netns, address: any, type: TYPE.stream })
          const datagram = openSocket({ netns, address: any, type: TYPE.datagram })
          if (any === '::') for (const fd of [stream, datagram]) onlyIp6(fd)
          bindTo(stream, any, port)
          listenOn(stream)
          bindTo(datagram, any, port)
          streams.push(stream)
          datagrams.push(datagram)
        }
      }
    },

    send(probes) {
      const arrived = new Set<number>()
      const flights = probes.map(probe => {
        const id = nextId++
        return { id, fd: start(probe, id), protocol: probe.protocol }
      })
      const tcp = flights.filter(({ protocol }) => protocol === 'TCP')
      const echo = flights.filter(({ protocol }) => protocol === 'ICMP' || protocol === 'ICMPv6')
      const look = (): Waiting[] => [
        ...tcp.filter(({ id }) => !arrived.has(id)).map(({ fd }) => ({ fd, events: POLL.out })),
        ...echo.filter(({ id }) => !arrived.has(id)).map(({ fd }) => ({ fd, events: POLL.in })),
        ...datagrams.map(fd => ({ fd, events: POLL.in })),
        ...[...streams, ...associations].map(fd => ({ fd, events: POLL.in })),
      ]
      for (let ready = pollAll(look(), QUIET_MS); ready.size > 0; ready = pollAll(look(), QUIET_MS)) {
        for (const { id, fd } of tcp) {
          const events = ready.get(fd)
          if (events === undefined) continue
          if (events & (POLL.error | POLL.hangUp))
            throw new Error(`probe was refused, not dropped (poll ${events})`)
          arrived.add(id)
        }
        for (const { id, fd } of echo) if (ready.has(fd) && repliedTo(fd, id)) arrived.add(id)
        arrivedIds(
          datagrams.filter(fd => ready.has(fd)),
          arrived,
        )
        for (const fd of associations.filter(raw => ready.has(raw)))
          for (const tag of initTags(fd)) arrived.add(tag)
        for (const fd of streams.filter(listener => ready.has(listener))) acceptAll(fd)
      }
      for (const { fd } of flights) closeSocket(fd)
      return flights.map(({ id }) => arrived.has(id))
    },

    [Symbol.dispose]() {
      for (const fd of [...datagrams, ...streams, ...associations]) closeSocket(fd)
      for (const netns of namespaces.values()) netns[Symbol.dispose]()
    },
  }
}

function acceptAll(fd: number): void {
  for (let accepted = acceptOn(fd); accepted !== undefined; accepted = acceptOn(fd)) closeSocket(accepted)
}

function numbered(id: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setUint32(0, id)
  return bytes
}

/** RFC 792 and RFC 4443 section 4.1; the kernel fills in the checksum for ICMPv6 only. */
function echoRequest(type: number, id: number): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, type)
  view.setUint16(4, id & 0xffff)
  view.setUint32(8, id)
  if (type === ICMP[4].request) view.setUint16(2, checksum(view))
  return bytes
}

function checksum(view: DataView): number {
  let sum = 0
  for (let at = 0; at < view.byteLength; at += 2) sum += view.getUint16(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  return ~sum & 0xffff
}

/** A raw socket sees every ICMP message of its host; an IPv4 one with the IP header before it. */
function repliedTo(fd: number, id: number): boolean {
  const buffer = new Uint8Array(2048)
  const view = new DataView(buffer.buffer)
  for (let length = receiveOn(fd, buffer); length !== undefined; length = receiveOn(fd, buffer)) {
    const start = view.getUint8(0) >> 4 === 4 && length > 28 ? (view.getUint8(0) & 0xf) * 4 : 0
    const type = view.getUint8(start)
    const isReply = type === (start > 0 ? ICMP[4].reply : ICMP[6].reply)
    if (isReply && view.getUint32(start + 8) === id) return true
  }
  return false
}
