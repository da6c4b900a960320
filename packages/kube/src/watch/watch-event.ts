import { textAt, valueAt } from '@sekisho/core'
import { parseJson } from '../client/client.ts'
import { KubeMalformed, kubeError } from '../client/errors.ts'
import { type KubeObject, readObject } from '../object.ts'

export type WatchEvent =
  | { readonly kind: 'set' | 'removed'; readonly object: KubeObject }
  /** Nothing happened up to this version. */
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }

const KINDS = { ADDED: 'set', MODIFIED: 'set', DELETED: 'removed' } as const
const isObjectEvent = (type: string): type is keyof typeof KINDS => Object.hasOwn(KINDS, type)

/**
 * One line of a watch. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 * @throws KubeError for an ERROR event (410: the version is too old), KubeMalformed for anything else.
 */
export function readWatchEvent(line: string): WatchEvent {
  const json = parseJson(line)
  const type = textAt(json, 'type') ?? ''
  const body = valueAt(json, 'object')
  if (type === 'ERROR') throw kubeError(Number(valueAt(body, 'code') ?? 0), body)
  if (type === 'BOOKMARK') {
    const resourceVersion = textAt(body, 'metadata', 'resourceVersion')
    if (resourceVersion) return { kind: 'bookmark', resourceVersion }
  }
  const object = readObject(body)
  if (!object || !isObjectEvent(type))
    throw new KubeMalformed(`a watch event of type ${JSON.stringify(type)}`)
  return { kind: KINDS[type], object }
}
