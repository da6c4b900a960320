import { BoundedMap } from '@sekisho/core'
import { type Attribution, type EdgeEnds, endKey, endsKey } from './edge.ts'

/** Looked for, and none of those that are known: it says less than any answer before. */
const UNKNOWN = 'unknown'

const serviceKey = ({ destination, protocol, port }: EdgeEnds): string =>
  `${endKey(destination)} ${protocol} ${port}`

/**
 * What inspection told, for the records of conversations that are counted elsewhere: connection events know no
 * applications, and not whether what was read may pass.
 */
export class Spoken {
  readonly #between: BoundedMap<string, string>
  readonly #services: BoundedMap<string, string>
  readonly #settled: BoundedMap<string, Attribution>

  constructor(capacity: number) {
    this.#between = new BoundedMap(capacity)
    this.#services = new BoundedMap(capacity)
    this.#settled = new BoundedMap(capacity)
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
