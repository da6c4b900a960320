import { type Attribution, type EdgeEnds, endKey, endsKey } from './edge.ts'

/** Looked for, and none of those that are known: it says less than any answer before. */
const UNKNOWN = 'unknown'

const serviceKey = ({ destination, protocol, port }: EdgeEnds): string =>
  `${endKey(destination)} ${protocol} ${port}`

/** The last of so many, the oldest give way. */
class Recent<V> {
  readonly #capacity: number
  readonly #values = new Map<string, V>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: V): void {
    this.#values.delete(key)
    const oldest = this.#values.size >= this.#capacity ? this.#values.keys().next().value : undefined
    if (oldest !== undefined) this.#values.delete(oldest)
    this.#values.set(key, value)
  }

  clear(): void {
    this.#values.clear()
  }
}

/**
 * What inspection told, for the records of conversations that are counted elsewhere: connection events know no
 * applications, and not whether what was read may pass.
 */
export class Spoken {
  readonly #between: Recent<string>
  readonly #services: Recent<string>
  readonly #settled: Recent<Attribution>

  constructor(capacity: number) {
    this.#between = new Recent(capacity)
    this.#services = new Recent(capacity)
    this.#settled = new Recent(capacity)
  }

  identified(ends: EdgeEnds, application: string): void {
    const isNews = (known: string | undefined) => known === undefined || application !== UNKNOWN
    if (isNews(this.#between.get(endsKey(ends)))) this.#between.set(endsKey(ends), application)
    if (isNews(this.#services.get(serviceKey(ends)))) this.#services.set(serviceKey(ends), application)
  }

  /** What was last said between the two, else what the destination was last heard to speak. */
  application(ends: EdgeEnds): string | undefined {
    return this.#between.get(endsKey(ends)) ?? this.#services.get(serviceKey(ends))
  }

  /** A conversation of these ends was judged by what is said. One that passed says more than one that did not. */
  settle(ends: EdgeEnds, attribution: Attribution): void {
    const key = endsKey(ends)
    const known = this.#settled.get(key)
    if (attribution.outcome !== 'denied' || !known || known.outcome === 'denied')
      this.#settled.set(key, attribution)
  }

  settled(ends: EdgeEnds): Attribution | undefined {
    return this.#settled.get(endsKey(ends))
  }

  /** What was judged must be judged again; what is spoken stays. */
  modelChanged(): void {
    this.#settled.clear()
  }
}
