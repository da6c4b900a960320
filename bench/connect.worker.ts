import { execFileSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { enterNetns } from '@sekisho/linux'
import { closeSocket, connectTo, openSocket, receiveOn, sendOn, TYPE } from '../e2e/dataplane/sockets.ts'

/** A client of short connections, on a thread of its own inside its namespace. */
export interface ConnectSetup {
  readonly netns: string
  readonly address: string
  readonly port: number
  /** The one that it is held to, if any. */
  readonly processor: number | undefined
}
/** Runs for so long. */
export interface ConnectRequest {
  readonly ms: number
}
export interface ConnectResult {
  readonly perSecond: number
  /** Milliseconds of `connect`: the three-way handshake. */
  readonly p50: number
  readonly p99: number
}

const { netns, address, port, processor } = workerData as ConnectSetup
enterNetns(netns)
if (processor !== undefined) {
  const thread = basename(readlinkSync('/proc/thread-self'))
  execFileSync('taskset', ['-c', '-p', `${processor}`, thread], { stdio: 'ignore' })
}
const SAMPLES_MAX = 1_000_000
const samples = new Float64Array(SAMPLES_MAX)
const REQUEST = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n')
const response = new Uint8Array(4_096)

/** One connection, one request, one answer; the server closes. */
function visit(): number {
  const fd = openSocket({ address, type: TYPE.stream, blocking: true })
  const before = performance.now()
  connectTo(fd, address, port)
  const took = performance.now() - before
  sendOn(fd, REQUEST)
  let answered = 0
  for (
    let count = receiveOn(fd, response);
    count !== undefined && count > 0;
    count = receiveOn(fd, response)
  ) {
    answered += count
  }
  closeSocket(fd)
  if (answered === 0) throw new Error('the server did not answer')
  return took
}

function load(ms: number): ConnectResult {
  const start = performance.now()
  let count = 0
  while (performance.now() - start < ms && count < SAMPLES_MAX) samples[count++] = visit()
  const seconds = (performance.now() - start) / 1000
  const sorted = samples.slice(0, count).toSorted()
  const at = (share: number) => sorted[Math.floor(count * share)] ?? Number.NaN
  return { perSecond: count / seconds, p50: at(0.5), p99: at(0.99) }
}

parentPort?.on('message', ({ ms }: ConnectRequest) => parentPort?.postMessage(load(ms)))
parentPort?.postMessage('ready')
