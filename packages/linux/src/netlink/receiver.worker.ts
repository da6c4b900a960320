import { closeSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { libcPoll, retrying, SystemError } from '../libc.ts'
import { type Batch, type Control, OUTSTANDING_MAX, WORD, type WorkerSetup } from './receiver.protocol.ts'
import { ReceiveRing } from './ring.ts'
import { droppedMessages } from './socket.ts'

/**
 * The thread that waits for netlink messages, for all sockets of the process. It blocks in poll(2), never in
 * the event loop: control messages are taken from the port when the eventfd says that there are some.
 */
const { words, wake } = workerData as WorkerSetup
const shared = new Int32Array(words)
const port = ownPort()

function ownPort(): MessagePort {
  if (!parentPort) throw new Error('this module runs as a worker')
  return parentPort
}

const POLLIN = 1
const MSG_DONTWAIT = 0x40
const SLOTS = 64
const SLOT_BYTES = 32_768

interface Socket {
  readonly fd: number
  dropped: number
}

const sockets = new Map<number, Socket>()
const ring = new ReceiveRing(SLOTS, SLOT_BYTES)

/** struct pollfd: fd:i32 events:i16 revents:i16. */
function pollSet(fds: readonly number[]): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(8 * fds.length))
  fds.forEach((fd, i) => {
    view.setInt32(8 * i, fd, true)
    view.setInt16(8 * i + 4, POLLIN, true)
  })
  return view
}

/**
 * How long messages may gather once there is one. Connection events come one by one, and waking this thread and then
 * the main one for each costs the node more than the event: 15,000 connections per second lose a third.
 */
const GATHER_MS = 10
const FOR_EVER = -1

/** The descriptors that have something; blocks until one has, or for so long. */
function ready(fds: readonly number[], timeoutMs = FOR_EVER): Set<number> {
  const set = pollSet(fds)
  retrying('poll', () => libcPoll(new Uint8Array(set.buffer), fds.length, timeoutMs))
  return new Set(fds.filter((_, i) => set.getInt16(8 * i + 6, true) !== 0))
}

function control({ kind, socket, fd }: Control): void {
  if (kind === 'add') sockets.set(socket, { fd, dropped: 0 })
  else if (sockets.delete(socket)) closeSync(fd)
}

function takeControls(): void {
  readSync(wake, new Uint8Array(8))
  for (;;) {
    const received = receiveMessageOnPort(port)
    if (!received) return
    control(received.message as Control)
  }
}

const post = (batch: Batch): void => {
  Atomics.add(shared, WORD.outstanding, 1)
  port.postMessage(batch, [batch.bytes.buffer])
}

/** What happened to one call of `receive`. */
type Step = 'more' | 'overrun' | 'empty' | 'failed'

function receive(id: number, socket: Socket): Step {
  try {
    const { bytes, refused } = ring.receive(socket.fd, MSG_DONTWAIT)
    if (bytes.length > 0 || refused > 0) post({ socket: id, bytes, lost: refused })
    return 'more'
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    if (error.code === 'ENOBUFS') return 'overrun'
    if (error.errno === constants.errno.EAGAIN) return 'empty'
    giveUp(id, socket, error)
    return 'failed'
  }
}

const mainKeepsUp = () => Atomics.load(shared, WORD.outstanding) < OUTSTANDING_MAX

/** All that has gathered, as far as the main thread keeps up. */
function drain(id: number, socket: Socket): void {
  let overrun = false
  let step: Step
  do {
    step = receive(id, socket)
    overrun ||= step === 'overrun'
  } while ((step === 'more' || step === 'overrun') && mainKeepsUp())
  if (step !== 'failed') tellDrops(id, socket, overrun)
}

/**
 * How many messages the kernel dropped is in the socket's counter. ENOBUFS alone would tell too few: the kernel raises
 * it with the first drop, before it counts that, and not again before the queue was empty (netlink_overrun). Without a
 * drop it says that there was no memory for a message.
 */
function tellDrops(id: number, socket: Socket, overrun: boolean): void {
  const dropped = droppedMessages(socket.fd)
  const lost = Math.max((dropped - socket.dropped) >>> 0, overrun ? 1 : 0)
  socket.dropped = dropped
  if (lost > 0) post({ socket: id, bytes: new Uint8Array(), lost })
}

/** Any other error would repeat for ever. */
function giveUp(id: number, socket: Socket, error: SystemError): void {
  sockets.delete(id)
  closeSync(socket.fd)
  post({ socket: id, bytes: new Uint8Array(), lost: 0, error: error.message })
}

/** Only the wake-up is watched while the main thread has enough to do. */
function watched(): number[] {
  Atomics.store(shared, WORD.waiting, 1)
  if (!mainKeepsUp()) return [wake]
  Atomics.store(shared, WORD.waiting, 0)
  return [wake, ...[...sockets.values()].map(socket => socket.fd)]
}

while (Atomics.load(shared, WORD.stop) === 0) {
  const fds = ready(watched())
  Atomics.store(shared, WORD.waiting, 0)
  if (fds.has(wake)) takeControls()
  else ready([wake], GATHER_MS)
  for (const [id, socket] of sockets) if (fds.has(socket.fd)) drain(id, socket)
}
