import { Backoff, LIMITS, pause, type Timers } from '@sekisho/core'
import type { KubeClient } from '../client/client.ts'
import { isExpired, isNotFound, KubeMalformed } from '../client/errors.ts'
import { KubeObjects, type Selection } from '../client/objects.ts'
import { type KubeObject, objectKey } from '../object.ts'
import { pathOf, type ResourceType } from '../resource.ts'
import { readWatchEvent } from './watch-event.ts'

/** What came and went since the last change that was told. */
export interface Reflected<T> {
  readonly set: ReadonlyMap<string, T>
  readonly removed: readonly string[]
}

export interface ReflectorOptions<T> {
  readonly client: KubeClient
  readonly type: ResourceType
  readonly selection?: Selection
  readonly timers: Timers
  /** In [0, 1), as `Math.random`. */
  readonly random: () => number
  /** What is told of an object; undefined where nothing is. Must not throw. */
  readonly read: (object: KubeObject) => T | undefined
  /** The first call comes when everything was listed, even if there is nothing; or when the kind was found to be missing. */
  readonly onChange: (change: Reflected<T>) => void
  /** The collection could not be followed, and why; undefined when it is followed again. What was told still holds. */
  readonly onTrouble?: (error: unknown) => void
}

const PAGE = 500
/** The server ends a watch by itself after this long, so that connections spread over its replicas. */
const WATCH_SECONDS = 300
/** Bookmarks come about once a minute: after two and a half without any byte the connection is dead. */
const IDLE_MS = 150_000
const BACKOFF = { firstMs: 250, mostMs: 30_000 }
/** Before a kind that is missing is asked for again: soon until that is believed. */
const MISSING_MS = 60_000
const DOUBTED_MS = 5_000

/** What is remembered of an object that was told: the rest is kept by whom it was told to. */
interface Kept {
  readonly resourceVersion: string
  readonly isWanted: boolean
}

/**
 * Tells a collection as the server has it: listed once in pages, then watched from there. After an outage it
 * resumes where it was; where the server no longer remembers, it lists again and tells only the difference. While the
 * server is away, the last known objects stay.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>
  readonly #objects: KubeObjects
  readonly #backoff: Backoff
  #kept = new Map<string, Kept>()
  #resourceVersion: string | undefined
  #isTroubled = false
  #isListed = false
  #isMissing = false

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#objects = new KubeObjects(options.client, options.type)
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random })
  }

  /** Everything was listed once, and was told or is being told. */
  get isListed(): boolean {
    return this.#isListed
  }
  /** The version of the collection up to which everything was told; undefined before the first list. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion
  }
  /** Objects that are remembered, wanted or not. */
  get size(): number {
    return this.#kept.size
  }

  /** Follows the collection until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const version = this.#resourceVersion ?? (await this.#list(signal))
        this.#recovered()
        await this.#watch(version, signal)
      } catch (error) {
        if (signal.aborted) return
        if (isNotFound(error) && this.#options.type.mayBeMissing && this.#kept.size === 0) {
          await this.#missing(signal)
          continue
        }
        // Forgotten by the server, or not to be trusted after what could not be read.
        if (isExpired(error) || error instanceof KubeMalformed) this.#resourceVersion = undefined
        if (!isExpired(error)) this.#troubled(error)
        await pause(this.#options.timers, this.#backoff.next(), signal)
      }
    }
  }

  /**
   * The API does not have this kind. One that has just started may not have read its definitions yet, and what was known
   * of the kind before would be taken back: so it is believed the second time, and never where objects are known.
   */
  async #missing(signal: AbortSignal): Promise<void> {
    if (this.#isMissing && !this.#isListed) {
      this.#isListed = true
      this.#options.onChange({ set: new Map(), removed: [] })
    }
    this.#isMissing = true
    this.#resourceVersion = undefined
    this.#recovered()
    await pause(this.#options.timers, this.#isListed ? MISSING_MS : DOUBTED_MS, signal)
  }

  #troubled(error: unknown): void {
    this.#isTroubled = true
    this.#options.onTrouble?.(error)
  }

  #recovered(): void {
    if (!this.#isTroubled) return
    this.#isTroubled = false
    this.#options.onTrouble?.(undefined)
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { selection = {}, read, onChange, type } = this.#options
    const before = this.#kept
    const kept = new Map<string, Kept>()
    const set = new Map<string, T>()
    let next: string | undefined
    let resourceVersion = ''
    do {
      const page = await this.#objects.page(selection, { limit: PAGE, next, signal })
      for (const object of page.objects) {
        const key = objectKey(object)
        const old = before.get(key)
        if (old?.resourceVersion === object.resourceVersion) {
          kept.set(key, old)
          continue
        }
        const value = read(object)
        kept.set(key, { resourceVersion: object.resourceVersion, isWanted: value !== undefined })
        if (value !== undefined) set.set(key, value)
      }
      if (kept.size > LIMITS.kubeObjects.value)
        throw new KubeMalformed(`more than ${LIMITS.kubeObjects.value} ${type.plural}`)
      resourceVersion = page.resourceVersion
      next = page.next
    } while (next !== undefined)
    const removed = [...before.keys()].filter(
      key => before.get(key)?.isWanted === true && kept.get(key)?.isWanted !== true,
    )
    this.#kept = kept
    this.#resourceVersion = resourceVersion
    this.#isMissing = false
    const isFirst = !this.#isListed
    this.#isListed = true
    if (set.size > 0 || removed.length > 0 || isFirst) onChange({ set, removed })
    return resourceVersion
  }

  /** Ends when the server does; throws where it cannot go on. */
  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { client, type, selection = {}, random } = this.#options
    const { namespace, ...selectors } = selection
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random()))
    const query = { ...selectors, watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds }
    const call = { method: 'GET', path: pathOf(type, { namespace }), query, signal } as const
    for await (const line of client.stream(call, IDLE_MS)) {
      const event = readWatchEvent(line)
      this.#backoff.succeeded()
      this.#recovered()
      if (event.kind === 'bookmark') this.#resourceVersion = event.resourceVersion
      else {
        this.#take(event.kind, event.object)
        this.#resourceVersion = event.object.resourceVersion
      }
    }
    // A watch that ends at once, again and again, is waited for like a failure.
    await pause(this.#options.timers, this.#backoff.next(), signal)
  }

  #take(kind: 'set' | 'removed', object: KubeObject): void {
    const { read, onChange, type } = this.#options
    const key = objectKey(object)
    const before = this.#kept.get(key)
    if (kind === 'removed') this.#kept.delete(key)
    else if (!before && this.#kept.size >= LIMITS.kubeObjects.value)
      throw new KubeMalformed(`more than ${LIMITS.kubeObjects.value} ${type.plural}`)
    const value = kind === 'set' ? read(object) : undefined
    if (kind === 'set')
      this.#kept.set(key, { resourceVersion: object.resourceVersion, isWanted: value !== undefined })
    if (value !== undefined) onChange({ set: new Map([[key, value]]), removed: [] })
    else if (before?.isWanted) onChange({ set: new Map(), removed: [key] })
  }
}
