import { isRecord, type JsonRecord, textAt, textsAt, valueAt } from '@sekisho/core'

/** What all objects of the API have, as far as it is used. Everything else is looked up where it is needed. */
export interface KubeObject {
  readonly name: string
  /** Empty for what is not in a namespace. */
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
  readonly generation: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly isDeleting: boolean
  /** The whole object as the server sent it. */
  readonly json: JsonRecord
}

/** Undefined for what is no object of the API. */
export function readObject(json: unknown): KubeObject | undefined {
  const name = textAt(json, 'metadata', 'name')
  const resourceVersion = textAt(json, 'metadata', 'resourceVersion')
  if (!isRecord(json) || !name || !resourceVersion) return undefined
  const generation = valueAt(json, 'metadata', 'generation')
  return {
    name,
    namespace: textAt(json, 'metadata', 'namespace') ?? '',
    uid: textAt(json, 'metadata', 'uid') ?? '',
    resourceVersion,
    generation: typeof generation === 'number' ? generation : 0,
    labels: textsAt(json, 'metadata', 'labels'),
    annotations: textsAt(json, 'metadata', 'annotations'),
    isDeleting: textAt(json, 'metadata', 'deletionTimestamp') !== undefined,
    json,
  }
}

/** One key per object of a kind. Neither part can hold a slash. Joined to one text: see `workloadId`. */
export const objectKey = ({ namespace, name }: Pick<KubeObject, 'namespace' | 'name'>): string =>
  namespace === '' ? name : [namespace, name].join('/')
