import { parentPort, workerData } from 'node:worker_threads'
import { enterNetns } from '@sekisho/linux'
import {
  acceptOn,
  bindTo,
  closeSocket,
  connectTo,
  listenOn,
  openSocket,
  POLL,
  pollAll,
  resetOnClose,
  TYPE,
} from '../e2e/dataplane/sockets.ts'

/** One side of a connect-and-close load, on a thread of its own inside its namespace. */
export interface ConnectSetup {
  readonly role: 'client' | 'server'
  readonly netns: string
  readonly address: string
  readonly port: number
}
/** Runs for so long; the server until it is closed. */
export type ConnectRequest = { readonly kind: 'run'; readonly ms: number }
export interface ConnectResult {
  readonly perSecond: number
  /** Milliseconds of `connect`: the three-way handshake. */
  readonly p50: number
  readonly p99: number
}

const setup = workerData as ConnectSetup
enterNetns(setup.netns)
const SAMPLES_MAX = 1_000_000
const samples = new Float64Array(SAMPLES_MAX)

function serve(): never {
  const listener = openSocket({ address: setup.address, type: TYPE.stream })
  bindTo(listener, setup.address, setup.port)
  listenOn(listener)
  parentPort?.postMessage('ready')
  for (;;) {
    pollAll([{ fd: listener, events: POLL.in }], 1000)
    for (let fd = acceptOn(listener); fd !== undefined; fd = acceptOn(listener)) closeSocket(fd)
  }
}

/** Connections end with a reset, so that no TIME_WAIT uses the ports up; the server accepts and closes. */
function load(ms: number): ConnectResult {
  const { address, port } = setup
  const open = { address, type: TYPE.stream, blocking: true }
  const start = performance.now()
  let now = start
  let count = 0
  while (now - start < ms && count < SAMPLES_MAX) {
    const fd = openSocket(open)
    resetOnClose(fd)
    const before = performance.now()
    connectTo(fd, address, port)
    now = performance.now()
    samples[count++] = now - before
    closeSocket(fd)
  }
  const sorted = samples.slice(0, count).toSorted()
  const at = (share: number) => sorted[Math.floor(count * share)] ?? Number.NaN
  return { perSecond: (count / (now - start)) * 1000, p50: at(0.5), p99: at(0.99) }
}

if (setup.role === 'server') serve()
parentPort?.on('message', ({ ms }: ConnectRequest) => parentPort?.postMessage(load(ms)))
parentPort?.postMessage('ready')
