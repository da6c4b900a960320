import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { SystemError } from '../libc.ts'
import { clearWake, waitReadable } from '../wake.ts'
import { concat } from './message.ts'
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

const MSG_DONTWAIT = 0x40
/** A dump fills each slot to the brim: a megabyte, which the main thread reads in five milliseconds. */
const SLOTS = 32
const SLOT_BYTES = 32_768

/** Handed over at once, when there is so much. */
const BATCH_BYTES = 262_144

interface Socket {
  readonly fd: number
  readonly gatherMs: number
  /** When what has gathered is read; never, while nothing is there. */
  due: number
  /** Messages that the kernel has dropped, as far as they were told. */
  dropped: number
  /** The same when the kernel said ENOBUFS last. */
  droppedAtOverrun: number
}

const NEVER = Number.POSITIVE_INFINITY
const sockets = new Map<number, Socket>()
const ring = new ReceiveRing(SLOTS, SLOT_BYTES)

function control(message: Control): void {
  if (message.kind === 'add') {
    const { socket, fd, gatherMs } = message
    sockets.set(socket, { fd, gatherMs, due: NEVER, dropped: 0, droppedAtOverrun: 0 })
    return
  }
  const socket = sockets.get(message.socket)
  if (socket && sockets.delete(message.socket)) closeSync(socket.fd)
}

function takeControls(): void {
  clearWake(wake)
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

/** What one socket gave since the last batch. */
interface Gathered {
  readonly parts: Uint8Array<ArrayBuffer>[]
  bytes: number
  refused: number
}

function postGathered(socket: number, gathered: Gathered): void {
  const [first, ...rest] = gathered.parts.splice(0)
  const { refused: lost } = gathered
  gathered.bytes = 0
  gathered.refused = 0
  if (first) post({ socket, bytes: rest.length === 0 ? first : concat(first, ...rest), lost })
  else if (lost > 0) post({ socket, bytes: new Uint8Array(), lost })
}

/** What happened to one call of `receive`; an error ends the socket. */
type Step = 'more' | 'overrun' | 'empty' | SystemError

function receive({ fd }: Socket, gathered: Gathered): Step {
  try {
    const { bytes, refused } = ring.receive(fd, MSG_DONTWAIT)
    if (bytes.length > 0) gathered.parts.push(bytes)
    gathered.bytes += bytes.length
    gathered.refused += refused
    return 'more'
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    if (error.code === 'ENOBUFS') return 'overrun'
    return error.errno === constants.errno.EAGAIN ? 'empty' : error
  }
}

const mainKeepsUp = () => Atomics.load(shared, WORD.outstanding) < OUTSTANDING_MAX

/** All that has gathered, as far as the main thread keeps up: the rest is read as soon as it does. */
function drain(id: number, socket: Socket): void {
  const gathered: Gathered = { parts: [], bytes: 0, refused: 0 }
  let overrun = false
  let step: Step
  do {
    step = receive(socket, gathered)
    overrun ||= step === 'overrun'
    if (gathered.bytes >= BATCH_BYTES) postGathered(id, gathered)
  } while ((step === 'more' || step === 'overrun') && mainKeepsUp())
  postGathered(id, gathered)
  socket.due = step === 'empty' ? NEVER : 0
  if (step instanceof SystemError) giveUp(id, socket, step)
  else tellDrops(id, socket, overrun)
}

/**
 * How many messages the kernel dropped is in the socket's counter. ENOBUFS alone would tell too few: the kernel raises
 * it with the first drop and not again before the queue was empty (netlink_overrun). Where nothing was dropped since
 * the last one, it says that there was no memory for a message.
 */
function tellDrops(id: number, socket: Socket, overrun: boolean): void {
  const dropped = droppedMessages(socket.fd)
  const unmade = overrun && dropped === socket.droppedAtOverrun ? 1 : 0
  const lost = ((dropped - socket.dropped) >>> 0) + unmade
  socket.dropped = dropped
  if (overrun) socket.droppedAtOverrun = dropped
  if (lost > 0) post({ socket: id, bytes: new Uint8Array(), lost })
}

/** Any other error would repeat for ever. */
function giveUp(id: number, socket: Socket, error: SystemError): void {
  sockets.delete(id)
  closeSync(socket.fd)
  post({ socket: id, bytes: new Uint8Array(), lost: 0, error: error.message })
}

/** Descriptors that may wake this thread: of the main thread only, while that has enough to do. */
function watched(): number[] {
  Atomics.store(shared, WORD.waiting, 1)
  if (!mainKeepsUp()) return [wake]
  Atomics.store(shared, WORD.waiting, 0)
  return [wake, ...[...sockets.values()].filter(({ due }) => due === NEVER).map(({ fd }) => fd)]
}

/** How long nothing is due. */
function untilDue(): number {
  const due = Math.min(...[...sockets.values()].map(socket => socket.due))
  return due === NEVER || !mainKeepsUp() ? -1 : Math.max(0, Math.ceil(due - performance.now()))
}

while (Atomics.load(shared, WORD.stop) === 0) {
  const fds = new Set(waitReadable(watched(), untilDue()))
  Atomics.store(shared, WORD.waiting, 0)
  if (fds.has(wake)) takeControls()
  if (!mainKeepsUp()) continue
  const now = performance.now()
  // Each has its turn, also when the first alone has more than the main thread can take.
  for (const [id, socket] of sockets) {
    if (fds.has(socket.fd)) socket.due = now + socket.gatherMs
    if (socket.due <= now) drain(id, socket)
  }
}
