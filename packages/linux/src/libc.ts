import { constants } from 'node:os'
import koffi from 'koffi'

/**
 * The few libc calls Sekisho needs and Node has not. Pointers are passed as typed arrays, which koffi keeps
 * alive for the length of one call; what the kernel may touch later belongs to a `ReceiveRing`.
 */
const libc = koffi.load('libc.so.6')

type Bytes = Uint8Array

export const libcSocket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number
export const libcBind = libc.func('int bind(int fd, const void *address, uint32_t length)') as (
  fd: number,
  address: Bytes,
  length: number,
) => number
export const libcSend = libc.func('long send(int fd, const void *bytes, size_t length, int flags)') as (
  fd: number,
  bytes: Bytes,
  length: number,
  flags: number,
) => number
export const libcSendto = libc.func(
  'long sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32_t addressLength)',
) as (
  fd: number,
  bytes: Bytes,
  length: number,
  flags: number,
  address: Bytes,
  addressLength: number,
) => number
export const libcRecvmmsg = libc.func(
  'int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)',
) as (fd: number, messages: Bytes, count: number, flags: number, timeout: null) => number
export const libcSetsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
) as (fd: number, level: number, name: number, value: Bytes, length: number) => number
export const libcGetsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, void *value, void *length)',
) as (fd: number, level: number, name: number, value: Bytes, length: Bytes) => number
export const libcPoll = libc.func('int poll(void *fds, unsigned long count, int timeout)') as (
  fds: Bytes,
  count: number,
  timeout: number,
) => number
export const libcEventfd = libc.func('int eventfd(uint32_t initial, int flags)') as (
  initial: number,
  flags: number,
) => number
export const libcFlock = libc.func('int flock(int fd, int operation)') as (
  fd: number,
  operation: number,
) => number
export const libcSetns = libc.func('int setns(int fd, int type)') as (fd: number, type: number) => number
export const libcUnshare = libc.func('int unshare(int flags)') as (flags: number) => number
export const libcMount = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)',
) as (source: string, target: string, type: string, flags: number, data: null) => number
export const libcUmount = libc.func('int umount2(const char *target, int flags)') as (
  target: string,
  flags: number,
) => number
/** For calls that libc has no function for; four arguments at most. */
export const libcSyscall = libc.func('long syscall(long number, long a, void *b, long c)') as (
  number: number,
  a: number,
  b: Bytes,
  c: number,
) => number

/** Some numbers have two names (EAGAIN and EWOULDBLOCK): reversed, so that the first one stays. */
const NAMES = new Map(
  Object.entries(constants.errno)
    .map(([name, number]) => [number, name] as const)
    .toReversed(),
)

/** Names Node does not list but netlink answers with (include/linux/errno.h, asm-generic/errno.h). */
const MORE_NAMES: Readonly<Record<number, string>> = { 16: 'EBUSY', 105: 'ENOBUFS', 524: 'ENOTSUPP' }

export const errnoName = (errno: number): string => NAMES.get(errno) ?? MORE_NAMES[errno] ?? `errno ${errno}`

/** A system call or netlink request that failed; `code` is the errno's name, as in Node's own errors. */
export class SystemError extends Error {
  override readonly name = 'SystemError'
  readonly code: string
  readonly errno: number
  readonly call: string
  constructor(call: string, errno: number, detail = '') {
    super(`${call}: ${errnoName(errno)}${detail && ` (${detail})`}`)
    this.code = errnoName(errno)
    this.errno = errno
    this.call = call
  }
}

/** The result of a libc call, or the error it stands for. Call it directly around the call: errno is per thread. */
export function check(call: string, result: number): number {
  if (result < 0) throw new SystemError(call, koffi.errno())
  return result
}

/** Like `check`, but repeats a call that a signal interrupted. */
export function retrying(call: string, attempt: () => number): number {
  for (;;) {
    const result = attempt()
    if (result >= 0) return result
    const errno = koffi.errno()
    if (errno !== constants.errno.EINTR) throw new SystemError(call, errno)
  }
}

/** Like `retrying`, but 0 where there was nothing: an error object for each time would cost more than the call. */
export function emptyIsNone(call: string, attempt: () => number): number {
  const result = attempt()
  if (result >= 0) return result
  const errno = koffi.errno()
  if (errno === constants.errno.EAGAIN) return 0
  if (errno === constants.errno.EINTR) return emptyIsNone(call, attempt)
  throw new SystemError(call, errno)
}

/** Where a typed array's bytes are. Only off-heap memory (an own ArrayBuffer) stays there. */
export const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes)
