import { closeSync, readSync, writeSync } from 'node:fs'
import { check, libcEventfd, libcPoll, SystemError } from './libc.ts'

const EFD_CLOEXEC = 0o2000000
const EFD_NONBLOCK = 0o4000
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer)
const POLLIN = 1

/** Ends another thread's `waitReadable`: an eventfd, whose number may be handed to any thread of the process. */
export interface Wake extends Disposable {
  readonly fd: number
  wake(): void
}

export function openWake(): Wake {
  const fd = check('eventfd', libcEventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
  return { fd, wake: () => void writeSync(fd, ONE), [Symbol.dispose]: () => closeSync(fd) }
}

/**
 * To be called by the thread that was woken, before it looks for what it was woken for. A thread that has seen what
 * there is to do before it was woken may call it, too.
 */
export function clearWake(fd: number): void {
  try {
    readSync(fd, new Uint8Array(8))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
  }
}

/**
 * Blocks the thread in poll(2), outside the event loop, until one of the descriptors can be read.
 * @param timeoutMs -1 waits for ever.
 * @returns those that can, in their order; none when the time is over, or a signal came.
 */
export function waitReadable(fds: readonly number[], timeoutMs: number): readonly number[] {
  // struct pollfd: fd:i32 events:i16 revents:i16.
  const view = new DataView(new ArrayBuffer(8 * fds.length))
  fds.forEach((fd, i) => {
    view.setInt32(8 * i, fd, true)
    view.setInt16(8 * i + 4, POLLIN, true)
  })
  try {
    check('poll', libcPoll(new Uint8Array(view.buffer), fds.length, timeoutMs))
  } catch (error) {
    // Not called again for as long: the signals of a profiler would put off for ever what is due.
    if (!(error instanceof SystemError) || error.code !== 'EINTR') throw error
  }
  return fds.filter((_, i) => view.getInt16(8 * i + 6, true) !== 0)
}
