import type { Reader } from '@sekisho/core'
import { SystemError } from '../libc.ts'
import { eachMessage, type MessageHeader, NLM } from './message.ts'
import { receiveOn } from './receiver.ts'
import { answer, type NetlinkRequest, NetlinkSocket, type SocketOptions } from './socket.ts'

const ATTEMPTS = 8

export interface DumpOptions<T> extends SocketOptions {
  readonly protocol: number
  readonly request: NetlinkRequest
  /** Called for each object; undefined leaves it out. Raises `Malformed`. */
  readonly parse: (header: MessageHeader, body: Reader) => T | undefined
}

/**
 * A dump of any size without blocking the main thread for longer than one batch; begun anew when the table
 * changed under it in a way that could lose entries (NLM_F_DUMP_INTR).
 */
export async function dump<T>(options: DumpOptions<T>): Promise<T[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dumpOnce(options)
    } catch (error) {
      const interrupted = error instanceof SystemError && error.code === 'EINTR'
      if (!interrupted || attempt === ATTEMPTS) throw error
    }
  }
}

function dumpOnce<T>({ protocol, request, parse, ...options }: DumpOptions<T>): Promise<T[]> {
  const { promise, resolve, reject } = Promise.withResolvers<T[]>()
  const found: T[] = []
  const socket = new NetlinkSocket(protocol, options)
  const read = (bytes: Uint8Array): boolean => {
    let done = false
    eachMessage(bytes, (header, body) => {
      if (done) return
      done = answer(header, body, () => {
        const value = parse(header, body)
        if (value !== undefined) found.push(value)
      })
    })
    return done
  }
  const close = receiveOn(socket, {
    onDatagrams(bytes) {
      try {
        if (read(bytes)) resolve(found)
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
