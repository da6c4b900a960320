import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Worker } from 'node:worker_threads'
import type { Pod } from '../e2e/topology.ts'
import type { ConnectRequest, ConnectResult, ConnectSetup } from './connect.worker.ts'

export type { ConnectResult } from './connect.worker.ts'

/**
 * New connections between two pods, one after the other: connect, one HTTP request to nginx, its answer, close.
 * The client is raw system calls on a thread, so that it costs less than what it measures.
 */
export interface ConnectLoad extends AsyncDisposable {
  run(ms: number): Promise<ConnectResult>
}

/** Where it runs and what it asks. */
export interface ConnectOptions {
  readonly port: number
  /** Of the server's addresses; the first where it is not said. */
  readonly family?: 4 | 6
  /** The one that both ends are held to: none of them waits for another processor to wake up. */
  readonly processor?: number
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)
const configuration = (address: string, port: number) => `
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_timeout 0;
  server { listen ${bracketed(address)}:${port}; return 200 "ok\\n"; }
}
`

/** nginx says when its worker accepts connections. */
function listening(nginx: ChildProcessByStdio<null, null, Readable>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let said = ''
  nginx.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-4_096)
    if (said.includes('start worker process ')) resolve()
  })
  nginx.once('exit', () => reject(new Error(`nginx ended: ${said}`)))
  return promise
}

async function serve(
  { netns }: Pod,
  address: string,
  { port, processor }: ConnectOptions,
): Promise<AsyncDisposable> {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
  writeFileSync(join(directory, 'nginx.conf'), configuration(address, port))
  const options = ['-e', 'stderr', '-p', directory, '-c', 'nginx.conf']
  const held = processor === undefined ? [] : ['taskset', '-c', `${processor}`]
  const nginx = spawn('ip', ['netns', 'exec', netns, ...held, 'nginx', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await listening(nginx)
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(nginx, 'exit')
      nginx.kill()
      await ended
      rmSync(directory, { recursive: true })
    },
  }
}

export async function openConnectLoad(
  client: Pod,
  server: Pod,
  options: ConnectOptions,
): Promise<ConnectLoad> {
  await using building = new AsyncDisposableStack()
  const address = server.addresses[options.family === 6 ? 1 : 0]
  building.use(await serve(server, address, options))
  const { port, processor } = options
  const setup: ConnectSetup = { netns: client.netns, address, port, processor }
  const worker = new Worker(new URL('./connect.worker.ts', import.meta.url), { workerData: setup })
  building.defer(async () => void (await worker.terminate()))
  await once(worker, 'message')
  const stack = building.move()
  return {
    async run(ms) {
      const answer = once(worker, 'message')
      worker.postMessage({ ms } satisfies ConnectRequest)
      const [result] = (await answer) as [ConnectResult]
      return result
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
