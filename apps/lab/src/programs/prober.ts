/** The node's kubelet: connects to each pod's port as a readiness probe does, from the node's own address. */
import { connect } from 'node:net'
import { openCounts } from './counts.ts'
import { env } from './http.ts'
import { PATIENCE_MS, within } from './pool.ts'
import { repeat } from './repeat.ts'

const counts = openCounts()
const probes = env('PROBES')
  .split(' ')
  .map(entry => entry.split('=') as [name: string, endpoint: string])

async function probe(endpoint: string): Promise<void> {
  const split = endpoint.lastIndexOf(':')
  const socket = connect({ host: endpoint.slice(0, split), port: Number(endpoint.slice(split + 1)) })
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve()).once('error', reject)
  })
  await within(`probe ${endpoint}`, PATIENCE_MS, opened).finally(() => socket.destroy())
}

await repeat(5_000, () =>
  Promise.all(probes.map(([name, endpoint]) => counts.attempt(name, () => probe(endpoint)))),
)
