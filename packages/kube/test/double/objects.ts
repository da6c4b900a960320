import { isRecord, type JsonRecord, textAt } from '@sekisho/core'

/** What happened to one object, as watches tell it. */
export interface Happening {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly version: number
  readonly collection: string
  readonly object: JsonRecord
}

/** A refusal, as the API server words it. */
export class Refusal extends Error {
  readonly code: number
  readonly reason: string
  constructor(code: number, reason: string, message: string) {
    super(message)
    this.code = code
    this.reason = reason
  }
}

/** Which writer owns which field, by path: lists are one field. */
type Owners = Map<string, Set<string>>

interface Stored {
  object: JsonRecord
  readonly owners: Owners
}

function leaves(value: unknown, path: readonly string[] = []): [path: readonly string[], value: unknown][] {
  if (!isRecord(value) || Object.keys(value).length === 0) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
}

function withLeaf(json: JsonRecord, [key = '', ...rest]: readonly string[], value: unknown): JsonRecord {
  const inner = json[key]
  if (rest.length > 0) return { ...json, [key]: withLeaf(isRecord(inner) ? inner : {}, rest, value) }
  const { [key]: _, ...others } = json
  return value === undefined ? others : { ...json, [key]: value }
}

const leafAt = (json: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), json)

const SERVER_FIELDS = new Set([
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.resourceVersion',
])

/** Objects of all kinds with their versions, the history that watches replay, and who owns what. */
export class Objects {
  readonly #stored = new Map<string, Stored>()
  readonly history: Happening[] = []
  /** Watches from before it are told 410. */
  oldest = 0
  version = 100
  readonly #listeners = new Set<(happening: Happening) => void>()

  onHappening(listener: (happening: Happening) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Forgets the history, as etcd's compaction does. */
  compact(): void {
    this.oldest = this.version
    this.history.length = 0
  }

  list(collection: string): readonly JsonRecord[] {
    return [...this.#stored.entries()]
      .filter(([path]) => belongs(path, collection))
      .map(([, { object }]) => object)
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }

  get(path: string): JsonRecord {
    return this.#get(path).object
  }

  create(path: string, json: JsonRecord): JsonRecord {
    if (this.#stored.has(path)) throw new Refusal(409, 'AlreadyExists', `${path} already exists`)
    return this.#put(path, { object: this.#fresh(json), owners: new Map() }, 'ADDED')
  }

  replace(path: string, json: JsonRecord): JsonRecord {
    const stored = this.#get(path)
    const expected = textAt(json, 'metadata', 'resourceVersion')
    if (expected !== undefined && expected !== textAt(stored.object, 'metadata', 'resourceVersion'))
      throw new Refusal(
        409,
        'Conflict',
        'the object has been modified; please apply your changes to the latest version',
      )
    return this.#put(path, { ...stored, object: json }, 'MODIFIED')
  }

  remove(path: string): JsonRecord {
    const { object } = this.#get(path)
    this.#stored.delete(path)
    return this.#tell(path, object, 'DELETED')
  }

  apply(
    path: string,
    json: JsonRecord,
    writer: { readonly name: string; readonly force: boolean },
  ): JsonRecord {
    const isNew = !this.#stored.has(path)
    const stored = this.#stored.get(path) ?? { object: this.#fresh(json), owners: new Map() }
    const wanted = leaves(json).filter(([at]) => !SERVER_FIELDS.has(at.join('.')))
    const foreign = wanted.filter(([at, value]) => {
      const owners = stored.owners.get(at.join('.')) ?? new Set()
      const others = [...owners].some(owner => owner !== writer.name)
      return others && JSON.stringify(leafAt(stored.object, at)) !== JSON.stringify(value)
    })
    if (foreign.length > 0 && !writer.force)
      throw new Refusal(409, 'Conflict', `Apply failed with ${foreign.length} conflict`)
    const object = this.#taken(stored, wanted, writer.name)
    if (!isNew && JSON.stringify(object) === JSON.stringify(stored.object)) return stored.object
    return this.#put(path, { ...stored, object }, isNew ? 'ADDED' : 'MODIFIED')
  }

  /** Fields the writer no longer names go where nobody else owns them. */
  #taken({ object, owners }: Stored, wanted: ReturnType<typeof leaves>, writer: string): JsonRecord {
    const names = new Set(wanted.map(([at]) => at.join('.')))
    let after = object
    for (const [name, of] of owners) {
      if (names.has(name) || !of.delete(writer) || of.size > 0) continue
      owners.delete(name)
      after = withLeaf(after, name.split('.'), undefined)
    }
    for (const [at, value] of wanted) {
      const isSame = JSON.stringify(leafAt(after, at)) === JSON.stringify(value)
      const of = isSame ? (owners.get(at.join('.')) ?? new Set<string>()) : new Set<string>()
      owners.set(at.join('.'), of.add(writer))
      // An empty map owns that there is a map, not what is in it.
      if (!isRecord(value) || !isRecord(leafAt(after, at))) after = withLeaf(after, at, value)
    }
    return after
  }

  #get(path: string): Stored {
    const stored = this.#stored.get(path)
    if (!stored) throw new Refusal(404, 'NotFound', `${path} not found`)
    return stored
  }

  #fresh(json: JsonRecord): JsonRecord {
    const metadata = isRecord(json.metadata) ? json.metadata : {}
    const uid = crypto.randomUUID()
    return {
      ...json,
      metadata: { ...metadata, uid, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
    }
  }

  #put(path: string, stored: Stored, type: Happening['type']): JsonRecord {
    const object = this.#tell(path, stored.object, type)
    this.#stored.set(path, { ...stored, object })
    return object
  }

  #tell(path: string, json: JsonRecord, type: Happening['type']): JsonRecord {
    const version = ++this.version
    const metadata = isRecord(json.metadata) ? json.metadata : {}
    const object = { ...json, metadata: { ...metadata, resourceVersion: String(version) } }
    const happening = { type, version, collection: path.slice(0, path.lastIndexOf('/')), object }
    this.history.push(happening)
    for (const listener of this.#listeners) listener(happening)
    return object
  }
}

const keyOf = (object: JsonRecord): string =>
  `${textAt(object, 'metadata', 'namespace') ?? ''}/${textAt(object, 'metadata', 'name') ?? ''}`

/** Whether an object's path, or the collection it is in, is part of a collection, which may be of all namespaces. */
export function belongs(path: string, collection: string): boolean {
  const parent = path.slice(0, path.lastIndexOf('/'))
  return parent === collection || parent.replace(/\/namespaces\/[^/]+(?=\/)/, '') === collection
}
