import { Backoff, pause } from '@sekisho/core'
import {
  CONFIG_MAPS,
  type JsonRecord,
  KubeObjects,
  OWN_LABELS,
  type Place,
  type ResourceType,
} from '@sekisho/kube'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

const AGAIN_MS = 600_000

/** An object that the server writes for the cluster, and that is nobody else's. */
export interface OwnObject {
  /** For the log, where it cannot be written. */
  readonly trouble: string
  readonly type: ResourceType
  readonly place: Place & { readonly name: string }
  readonly content: JsonRecord
}

/** Writes an object, and again from time to time: who changed or deleted it did not mean to. */
export async function keepApplied(
  { client, timers, random, onTrouble }: ClusterWatch,
  { trouble, type, place, content }: OwnObject,
  signal: AbortSignal,
): Promise<void> {
  const objects = new KubeObjects(client, type)
  const backoff = new Backoff({ firstMs: 500, mostMs: 60_000, random })
  while (!signal.aborted) {
    let wait = AGAIN_MS
    try {
      await objects.apply(place, content, { fieldManager: FIELD_MANAGER, force: true })
      backoff.succeeded()
      onTrouble(trouble, undefined)
    } catch (error) {
      onTrouble(trouble, error)
      wait = backoff.next()
    }
    await pause(timers, wait, signal)
  }
}

/** Where agents' pods find who signs the server's certificate: a volume of theirs, which is there when this is. */
export const publishedAuthority = (namespace: string, certificate: string): OwnObject => ({
  trouble: 'the authority cannot be published to agents',
  type: CONFIG_MAPS,
  place: { namespace, name: 'sekisho-authority' },
  content: {
    metadata: { labels: OWN_LABELS },
    data: { 'ca.pem': certificate },
  },
})
