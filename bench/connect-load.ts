import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Pod } from '../e2e/topology.ts'
import type { ConnectRequest, ConnectResult, ConnectSetup } from './connect.worker.ts'

export type { ConnectResult } from './connect.worker.ts'

/** Connects and closes between two pods as fast as one client thread and one server thread can. */
export interface ConnectLoad extends AsyncDisposable {
  run(ms: number): Promise<ConnectResult>
}

async function start(setup: ConnectSetup): Promise<Worker> {
  const worker = new Worker(new URL('./connect.worker.ts', import.meta.url), { workerData: setup })
  await once(worker, 'message')
  return worker
}

export async function openConnectLoad(client: Pod, server: Pod, port: number): Promise<ConnectLoad> {
  const [address] = server.addresses
  const serving = await start({ role: 'server', netns: server.netns, address, port })
  const asking = await start({ role: 'client', netns: client.netns, address, port })
  return {
    async run(ms) {
      const answer = once(asking, 'message')
      asking.postMessage({ kind: 'run', ms } satisfies ConnectRequest)
      const [result] = (await answer) as [ConnectResult]
      return result
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([asking.terminate(), serving.terminate()])
    },
  }
}
