import { isRecord, type JsonRecord, listAt, textAt } from '@sekisho/core'
import { type KubeObject, readObject } from '../object.ts'
import { apiVersionOf, type Place, pathOf, type ResourceType } from '../resource.ts'
import type { KubeClient } from './client.ts'
import { isNotFound, KubeMalformed } from './errors.ts'

/** One page of a collection. */
export interface ObjectPage {
  readonly objects: readonly KubeObject[]
  /** Of the collection: a watch goes on from here. */
  readonly resourceVersion: string
  /** Asks for the next page; absent on the last. */
  readonly next?: string
}

export interface Selection {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

/** Who writes: the API server keeps track of the fields that each writer owns. */
export interface Writer {
  readonly fieldManager: string
  /** Takes fields over from other writers. */
  readonly force?: boolean
}

const object = (json: unknown): KubeObject => {
  const read = readObject(json)
  if (!read) throw new KubeMalformed('the API server answered something that is no object')
  return read
}

/** The verbs of the API on the objects of one kind. All throw as `KubeClient.call` does. */
export class KubeObjects {
  readonly #client: KubeClient
  readonly type: ResourceType

  constructor(client: KubeClient, type: ResourceType) {
    this.#client = client
    this.type = type
  }

  async get(place: Place, signal?: AbortSignal): Promise<KubeObject> {
    return object(await this.#client.call({ method: 'GET', path: pathOf(this.type, place), signal }))
  }

  /** @returns undefined where there is none. */
  async find(place: Place, signal?: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await this.get(place, signal)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** @param limit most objects in one page; the server may give fewer. */
  async page(
    { namespace, ...selectors }: Selection,
    { limit, next, signal }: { limit: number; next?: string | undefined; signal?: AbortSignal },
  ): Promise<ObjectPage> {
    const path = pathOf(this.type, { namespace })
    const query = { ...selectors, limit, continue: next }
    const json = await this.#client.call({ method: 'GET', path, query, signal })
    const resourceVersion = textAt(json, 'metadata', 'resourceVersion')
    if (!resourceVersion) throw new KubeMalformed('the API server answered something that is no list')
    const token = textAt(json, 'metadata', 'continue')
    return { objects: listAt(json, 'items').map(object), resourceVersion, ...(token && { next: token }) }
  }

  async create(place: Place, json: JsonRecord): Promise<KubeObject> {
    const path = pathOf(this.type, { namespace: place.namespace })
    return object(await this.#client.call({ method: 'POST', path, body: this.#typed(json) }))
  }

  /** Optimistic: conflicts where the object's resourceVersion is no longer the current one. */
  async replace(place: Place, json: JsonRecord): Promise<KubeObject> {
    return object(
      await this.#client.call({ method: 'PUT', path: pathOf(this.type, place), body: this.#typed(json) }),
    )
  }

  /**
   * Server-side apply: exactly these fields are this writer's, others stay as they are.
   * https://kubernetes.io/docs/reference/using-api/server-side-apply/
   */
  async apply(
    place: Place & { readonly name: string },
    json: JsonRecord,
    writer: Writer,
  ): Promise<KubeObject> {
    const { name, namespace } = place
    const metadata = isRecord(json.metadata) ? json.metadata : {}
    const body = this.#typed({ ...json, metadata: { ...metadata, name, ...(namespace && { namespace }) } })
    return object(
      await this.#client.call({
        method: 'PATCH',
        path: pathOf(this.type, place),
        query: { fieldManager: writer.fieldManager, force: writer.force === true || undefined },
        // JSON is YAML.
        contentType: 'application/apply-patch+yaml',
        body,
      }),
    )
  }

  /** Answers when the server has accepted it; the object may still have finalizers to wait for. */
  async remove(place: Place): Promise<void> {
    await this.#client.call({ method: 'DELETE', path: pathOf(this.type, place) })
  }

  #typed(json: JsonRecord): JsonRecord {
    return { apiVersion: apiVersionOf(this.type), kind: this.type.kind, ...json }
  }
}
