import { BoundedMap, type EpochMs } from '@sekisho/core'
import { type Attribution, type EdgeEnds, endKey, endsKey } from './edge.ts'

/** Looked for, and none of those that are known: it says less than any answer before. */
const UNKNOWN = 'unknown'

/**
 * What a service was not heard to speak for so long, while it was heard, it speaks no more. Several times as long as a
 * service counts as known, so that each of those that share a port is heard meanwhile.
 */
const CEASED_MS = 900_000
const SPOKEN_MAX = 8

/** What a service was heard to speak, each with when it was last; the latest is the last one. */
type Heard = Map<string, EpochMs>

const serviceKey = ({ destination, protocol, port }: EdgeEnds): string =>
  `${endKey(destination)} ${protocol} ${port}`

/**
 * What inspection told, for the records of conversations that are counted elsewhere: connection events know no
 * applications, and not whether what was read may pass.
 */
export class Spoken {
  readonly #between: BoundedMap<string, string>
  readonly #services: BoundedMap<string, Heard>
  readonly #settled: BoundedMap<string, Attribution>

  constructor(capacity: number) {
    this.#between = new BoundedMap(capacity)
    this.#services = new BoundedMap(capacity)
    this.#settled = new BoundedMap(capacity)
  }

  identified(ends: EdgeEnds, application: string, at: EpochMs): void {
    const between = endsKey(ends)
    if (application !== UNKNOWN || this.#between.get(between) === undefined)
      this.#between.set(between, application)
    const service = serviceKey(ends)
    const heard: Heard = this.#services.get(service) ?? new Map()
    heard.delete(application)
    heard.set(application, at)
    const [oldest] = heard.keys()
    if (heard.size > SPOKEN_MAX && oldest !== undefined) heard.delete(oldest)
    this.#services.set(service, heard)
  }

  /**
   * What was last said between the two, if the destination still speaks it; else what that was last heard to speak. Not
   * every conversation is read, so that others may have heard of a change.
   */
  application(ends: EdgeEnds): string | undefined {
    const between = this.#between.get(endsKey(ends))
    const heard = this.#services.get(serviceKey(ends))
    if (!heard) return between
    const spoken = stillSpoken(heard)
    if (between !== undefined && spoken.includes(between)) return between
    return spoken.findLast(application => application !== UNKNOWN) ?? UNKNOWN
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

function stillSpoken(heard: Heard): readonly string[] {
  const all = [...heard]
  const latest = all.at(-1)?.[1] ?? 0
  return all.filter(([, at]) => at > latest - CEASED_MS).map(([application]) => application)
}
