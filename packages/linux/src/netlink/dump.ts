import type { Reader } from '@sekisho/core'
import { SystemError } from '../libc.ts'
import { eachMessage, type MessageHeader, NLM } from './message.ts'
import { receiveOn } from './receiver.ts'
import { answer, type NetlinkRequest, NetlinkSocket, type SocketOptions } from './socket.ts'

const ATTEMPTS = 8

export interface VisitOptions extends SocketOptions {
  readonly protocol: number
  readonly request: NetlinkRequest
  /** Called for each object. Raises `Malformed`. */
  visit(header: MessageHeader, body: Reader): void
  /** What was visited so far will be visited again. */
  onAgain?(): void
}

/**
 * Visits the objects of a dump of any size without blocking the main thread for longer than one batch; begun anew when
 * the table changed under it in a way that could lose entries (NLM_F_DUMP_INTR).
 */
export async function visitDump(options: VisitOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await visitOnce(options)
    } catch (error) {
      const interrupted = error instanceof SystemError && error.code === 'EINTR'
      if (!interrupted || attempt === ATTEMPTS) throw error
      options.onAgain?.()
    }
  }
}

function visitOnce({ protocol, request, visit, ...options }: VisitOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = new NetlinkSocket(protocol, options)
  const read = (bytes: Uint8Array): boolean => {
    let done = false
    eachMessage(bytes, (header, body) => {
      done ||= answer(header, body, visit)
    })
    return done
  }
  const close = receiveOn(socket, {
    onDatagrams(bytes) {
      try {
        if (read(bytes)) resolve()
      } catch (error) {
        reject(error)
      }
    },
    onLost: count => reject(new Error(`${count} messages of a dump were lost`)),
    onFailed: reject,
  })
  socket.send({ ...request, flags: NLM.dump })
  return promise.finally(close)
}

export interface DumpOptions<T> extends Omit<VisitOptions, 'visit' | 'onAgain'> {
  /** Called for each object; undefined leaves it out. Raises `Malformed`. */
  readonly parse: (header: MessageHeader, body: Reader) => T | undefined
}

/** The objects of a dump, all at once. */
export async function dump<T>({ parse, ...options }: DumpOptions<T>): Promise<T[]> {
  let found: T[] = []
  await visitDump({
    ...options,
    visit(header, body) {
      const value = parse(header, body)
      if (value !== undefined) found.push(value)
    },
    onAgain() {
      found = []
    },
  })
  return found
}
