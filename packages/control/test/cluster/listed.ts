import { once } from 'node:events'
import type { JsonRecord, Timers } from '@sekisho/core'
import { type KubeClient, pathOf, type ResourceType } from '@sekisho/kube'
import { type ClusterWatch, createWatch } from '../../src/cluster/watch.ts'

const timers: Timers = {
  now: () => 0 as ReturnType<Timers['now']>,
  monotonic: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms)
    return { [Symbol.dispose]: () => clearTimeout(handle) }
  },
}

/** A cluster in which nothing changes after the first list. @param troubles what could not be done, as it is told. */
export function listed(
  collections: readonly (readonly [ResourceType, readonly JsonRecord[]])[],
  troubles: string[] = [],
): ClusterWatch {
  const items = new Map(collections.map(([type, objects]) => [pathOf(type, {}), objects]))
  const client: KubeClient = {
    call: async ({ path }) => ({ metadata: { resourceVersion: '1' }, items: items.get(path) ?? [] }),
    async *stream({ signal }) {
      if (signal && !signal.aborted) await once(signal, 'abort')
      yield* []
    },
    [Symbol.dispose]: () => undefined,
  }
  return createWatch({
    client,
    timers,
    random: () => 0,
    onTrouble(what, error) {
      if (error !== undefined) troubles.push(what)
    },
  })
}

/** @param more of the object beside its names. */
export const object = (namespace: string, name: string, more: JsonRecord = {}): JsonRecord => ({
  metadata: { name, ...(namespace !== '' && { namespace }), uid: `u-${name}`, resourceVersion: '1' },
  ...more,
})
