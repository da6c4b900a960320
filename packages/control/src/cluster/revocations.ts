import type { EpochMs, NodeName } from '@sekisho/core'
import { isConflict } from '@sekisho/kube'
import { AGENT_CERTIFICATE_MS } from '../pki/authority.ts'
import { SharedMap } from './shared-map.ts'
import type { ClusterWatch } from './watch.ts'

const NAME = 'sekisho-revoked'
/** Writers are the servers of one cluster, of which one writes. */
const TRIES = 5

type Untils = ReadonlyMap<string, number>

function read(data: unknown): Untils {
  const entries = typeof data === 'object' && data !== null ? Object.entries(data) : []
  return new Map(entries.map(([node, at]) => [node, Date.parse(String(at))]))
}

/**
 * Agents that were removed, as all servers of a cluster know them: certificates of a node that were made until then are
 * not good any more. Each server follows the map, so that the next one to lead lets in nobody whom the last one sent away.
 */
export class Revocations {
  readonly #watch: ClusterWatch
  readonly #map: SharedMap<Untils>
  #untils: Untils = new Map()

  constructor(watch: ClusterWatch, namespace: string) {
    this.#watch = watch
    this.#map = new SharedMap({
      watch,
      namespace,
      name: NAME,
      read,
      // Who deletes the map lets in again whom it named, on every server alike.
      onChange: untils => {
        this.#untils = untils ?? new Map()
      },
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#map.run(signal)
  }

  /** What the cluster has was read once. */
  get isKnown(): boolean {
    return this.#map.isListed
  }

  /** Certificates of the node made until then are refused. */
  until(node: NodeName): EpochMs | undefined {
    return this.#untils.get(node) as EpochMs | undefined // read as milliseconds
  }

  /** Returns when every server will know. @throws as `KubeClient.call` does; then nothing was revoked. */
  async revoke(node: NodeName): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#write(node)
      } catch (error) {
        if (!isConflict(error) || tries === TRIES) throw error
      }
    }
  }

  async #write(node: NodeName): Promise<void> {
    const now = this.#watch.timers.now()
    let untils: Untils = new Map()
    await this.#map.write(before => {
      // Certificates made so long ago have ended by themselves.
      const standing = [...read(before)].filter(([, at]) => now - at < AGENT_CERTIFICATE_MS)
      untils = new Map([...standing, [node, now]])
      return Object.fromEntries([...untils].map(([name, at]) => [name, new Date(at).toISOString()]))
    })
    this.#untils = untils
  }
}
