import { parseIp } from '@sekisho/core'
import { type Netns, SystemError } from '@sekisho/linux'
import koffi from 'koffi'

/**
 * Raw sockets of libc for probes and load: one thread can hold sockets in many network namespaces (a socket stays
 * in the namespace it was made in), and a probe costs a few system calls instead of a process.
 */
const libc = koffi.load('libc.so.6')
const declare = <F>(prototype: string): F => libc.func(prototype) as F
const cSocket = declare<(domain: number, type: number, protocol: number) => number>(
  'int socket(int domain, int type, int protocol)',
)
const cBind = declare<(fd: number, address: Uint8Array, length: number) => number>(
  'int bind(int fd, const void *address, uint32_t length)',
)
const cConnect = declare<(fd: number, address: Uint8Array, length: number) => number>(
  'int connect(int fd, const void *address, uint32_t length)',
)
const cListen = declare<(fd: number, backlog: number) => number>('int listen(int fd, int backlog)')
const cAccept = declare<(fd: number, address: null, length: null, flags: number) => number>(
  'int accept4(int fd, void *address, void *length, int flags)',
)
const cSend = declare<(fd: number, bytes: Uint8Array, length: number, flags: number) => number>(
  'long send(int fd, const void *bytes, unsigned long length, int flags)',
)
const cReceive = declare<(fd: number, bytes: Uint8Array, length: number, flags: number) => number>(
  'long recv(int fd, void *bytes, unsigned long length, int flags)',
)
const cSetOption = declare<
  (fd: number, level: number, name: number, value: Uint8Array, length: number) => number
>('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)')
const cPoll = declare<(fds: Uint8Array, count: number, timeout: number) => number>(
  'int poll(void *fds, unsigned long count, int timeout)',
)
const cClose = declare<(fd: number) => number>('int close(int fd)')

const AF = { 4: 2, 6: 10 } as const
export const TYPE = { stream: 1, datagram: 2, raw: 3 } as const
const NON_BLOCKING = 0o4000
const EINPROGRESS = 115
const EAGAIN = 11
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_LINGER = 13
const IPPROTO_IP = 0
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IP_HDRINCL = 3
const IP_TTL = 2
const IPV6_UNICAST_HOPS = 16
const MSG_NOSIGNAL = 0x4000
export const POLL = { in: 1, out: 4, error: 8, hangUp: 16 } as const

const option = (...words: number[]): Uint8Array => new Uint8Array(Int32Array.from(words).buffer)

function check(call: string, result: number): number {
  if (result < 0) throw new SystemError(call, koffi.errno())
  return result
}

/** struct sockaddr_in and sockaddr_in6. */
export function socketAddress(text: string, port: number): Uint8Array {
  const ip = parseIp(text)
  if (!ip) throw new TypeError(`not an address: ${text}`)
  const bytes = new Uint8Array(ip.family === 4 ? 16 : 28)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF[ip.family], true)
  view.setUint16(2, port)
  if (ip.family === 4) view.setUint32(4, Number(ip.value))
  else {
    view.setBigUint64(8, ip.value >> 64n)
    view.setBigUint64(16, ip.value & 0xffffffffffffffffn)
  }
  return bytes
}

const familyOf = (text: string): 4 | 6 => (text.includes(':') ? 6 : 4)

export interface SocketOptions {
  /** Default: the calling thread's. */
  readonly netns?: Netns
  /** Any address of the wanted family. */
  readonly address: string
  readonly type: number
  readonly protocol?: number
  readonly blocking?: boolean
}

export function openSocket({ netns, address, type, protocol = 0, blocking = false }: SocketOptions): number {
  const flags = type | (blocking ? 0 : NON_BLOCKING)
  const open = () => check('socket', cSocket(AF[familyOf(address)], flags, protocol))
  return netns ? netns.run(open) : open()
}

export const bindTo = (fd: number, address: string, port: number): void => {
  check('setsockopt', cSetOption(fd, SOL_SOCKET, SO_REUSEADDR, option(1), 4))
  const bytes = socketAddress(address, port)
  check('bind', cBind(fd, bytes, bytes.length))
}
export const listenOn = (fd: number): void => void check('listen', cListen(fd, 4096))
/** Leaves IPv4 to a socket of its own. */
export const onlyIp6 = (fd: number): void =>
  void check('setsockopt', cSetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, option(1), 4))
/** Close sends a reset: no TIME_WAIT keeps the port. */
export const resetOnClose = (fd: number): void =>
  void check('setsockopt', cSetOption(fd, SOL_SOCKET, SO_LINGER, option(1, 0), 8))
/** The caller writes the IP header. */
export const withOwnHeader = (fd: number): void =>
  void check('setsockopt', cSetOption(fd, IPPROTO_IP, IP_HDRINCL, option(1), 4))

export const setHopLimit = (fd: number, family: 4 | 6, hops: number): void => {
  const [level, name] = family === 4 ? [IPPROTO_IP, IP_TTL] : [IPPROTO_IPV6, IPV6_UNICAST_HOPS]
  check('setsockopt', cSetOption(fd, level, name, option(hops), 4))
}

/** @returns false while a non-blocking connect is under way. */
export function connectTo(fd: number, address: string, port: number): boolean {
  const bytes = socketAddress(address, port)
  if (cConnect(fd, bytes, bytes.length) === 0) return true
  const errno = koffi.errno()
  if (errno === EINPROGRESS) return false
  throw new SystemError('connect', errno)
}

/** @returns undefined when no connection waits. */
export function acceptOn(fd: number, { blocking = false } = {}): number | undefined {
  const result = cAccept(fd, null, null, blocking ? 0 : NON_BLOCKING)
  if (result >= 0) return result
  const errno = koffi.errno()
  if (errno === EAGAIN) return undefined
  throw new SystemError('accept', errno)
}

export const sendOn = (fd: number, bytes: Uint8Array): void =>
  void check('send', cSend(fd, bytes, bytes.length, MSG_NOSIGNAL))
export const trySend = (fd: number, bytes: Uint8Array): boolean =>
  cSend(fd, bytes, bytes.length, MSG_NOSIGNAL) === bytes.length

/** @returns bytes read, or undefined when none wait or the connection is gone. */
export function receiveOn(fd: number, into: Uint8Array): number | undefined {
  const result = cReceive(fd, into, into.length, 0)
  return result < 0 ? undefined : result
}
export const closeSocket = (fd: number): void => void cClose(fd)

/** Which of the sockets are ready, with what `poll` says of them; empty after the time-out. */
export function pollAll(
  wanted: readonly { readonly fd: number; readonly events: number }[],
  timeoutMs: number,
): Map<number, number> {
  const bytes = new Uint8Array(wanted.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [at, { fd, events }] of wanted.entries()) {
    view.setInt32(at * 8, fd, true)
    view.setInt16(at * 8 + 4, events, true)
  }
  check('poll', cPoll(bytes, wanted.length, timeoutMs))
  const ready = new Map<number, number>()
  for (const [at, { fd }] of wanted.entries()) {
    const events = view.getInt16(at * 8 + 6, true)
    if (events !== 0) ready.set(fd, events)
  }
  return ready
}
