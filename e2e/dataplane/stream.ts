import { openNetns } from '@sekisho/linux'
import type { Pod } from '../topology.ts'
import {
  acceptOn,
  bindTo,
  closeSocket,
  connectTo,
  listenOn,
  openSocket,
  POLL,
  pollAll,
  receiveOn,
  sendOn,
  TYPE,
} from './sockets.ts'

/** How long a packet may take, or a retransmission after the way was opened again. */
const ARRIVES_MS = 5_000
/** How long nothing must arrive for it to count as cut: longer than TCP's first retransmission. */
const CUT_MS = 500

/** A TCP connection that stays open, with both its ends in this process. */
export interface Stream extends Disposable {
  /** Whether bytes sent by one end reach the other, retransmissions included. */
  arrives(from: 'client' | 'server'): boolean
  /** Whether bytes sent by one end do not reach the other. */
  isCut(from: 'client' | 'server'): boolean
}

export function openStream(client: Pod, server: Pod, port: number, family: 4 | 6 = 4): Stream {
  const at = family === 4 ? 0 : 1
  using clientNetns = openNetns(client.netns)
  using serverNetns = openNetns(server.netns)
  const address = server.addresses[at]
  const listener = openSocket({ netns: serverNetns, address, type: TYPE.stream })
  bindTo(listener, address, port)
  listenOn(listener)
  const from = openSocket({ netns: clientNetns, address, type: TYPE.stream })
  connectTo(from, address, port)
  pollAll([{ fd: listener, events: POLL.in }], ARRIVES_MS)
  const accepted = acceptOn(listener)
  closeSocket(listener)
  if (accepted === undefined) throw new Error(`no connection from ${client.name} to ${server.name}`)
  const buffer = new Uint8Array(65_536)
  function receives(sender: 'client' | 'server', withinMs: number): boolean {
    const [out, into] = sender === 'client' ? [from, accepted ?? -1] : [accepted ?? -1, from]
    sendOn(out, new Uint8Array(1000))
    const ready = pollAll([{ fd: into, events: POLL.in }], withinMs)
    return ready.size > 0 && (receiveOn(into, buffer) ?? 0) > 0
  }
  return {
    arrives: sender => receives(sender, ARRIVES_MS),
    isCut: sender => !receives(sender, CUT_MS),
    [Symbol.dispose]() {
      closeSocket(from)
      closeSocket(accepted)
    },
  }
}
