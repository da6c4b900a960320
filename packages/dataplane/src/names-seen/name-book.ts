import { type Clock, type EpochMs, LIMITS } from '@sekisho/core'
import type { NameMove } from '@sekisho/policy'

/** One address that an answer of a resolver gives for the name that was asked, both as they are compared. */
export interface AnsweredAddress {
  readonly name: string
  readonly ip: string
  /** Seconds. */
  readonly ttl: number
}

/** What the book has written down, and until when: what is kept on disk. */
export interface BookEntry {
  readonly name: string
  readonly ip: string
  readonly until: EpochMs
}

export interface NameBookOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Seconds for which an address counts at least: clients keep answers longer than their time to live. */
  readonly minimumTtl: number
  /** Seconds beyond, in which a client may still open a connection that it has decided on. */
  readonly grace: number
}

/**
 * Which names led to which addresses, as trusted resolvers answered. Bounded: of one name the address that ends first
 * gives way, of all names the one that was answered longest ago. Every change is told as moves, in their order.
 */
export class NameBook {
  readonly #options: NameBookOptions
  /** In the order of their last answers. */
  readonly #names = new Map<string, Map<string, EpochMs>>()
  readonly #addresses = new Map<string, Set<string>>()
  #size = 0
  #evicted = 0

  constructor(options: NameBookOptions) {
    this.#options = options
  }

  /** Pairs of a name and an address. */
  get size(): number {
    return this.#size
  }
  /** Pairs that gave way to others before their time. */
  get evicted(): number {
    return this.#evicted
  }

  /** Writes answers down. What is known already is only kept for longer, which is no move. */
  learn(answers: Iterable<AnsweredAddress>): readonly NameMove[] {
    const { clock, minimumTtl, grace } = this.#options
    const now = clock.now()
    return this.#write(
      answers,
      ({ ttl }) => (now + (Math.max(ttl, minimumTtl) + grace) * 1_000) as EpochMs, // milliseconds after another time
    )
  }

  /** Takes back what was kept, over its time or not: `expire` asks whether it is still in use. */
  restore(entries: Iterable<BookEntry>): readonly NameMove[] {
    return this.#write(entries, ({ until }) => until)
  }

  #write<T extends { readonly name: string; readonly ip: string }>(
    pairs: Iterable<T>,
    untilOf: (pair: T) => EpochMs,
  ): readonly NameMove[] {
    const moves: NameMove[] = []
    for (const pair of pairs) this.#add(pair.name, pair.ip, { until: untilOf(pair), moves })
    return moves
  }

  #add(name: string, ip: string, { until, moves }: { until: EpochMs; moves: NameMove[] }): void {
    const addresses = this.#names.get(name) ?? new Map<string, EpochMs>()
    this.#names.delete(name)
    this.#names.set(name, addresses)
    const known = addresses.get(ip)
    if (known === undefined) {
      this.#makeRoom(name, addresses, moves)
      this.#size++
      const names = this.#addresses.get(ip) ?? new Set()
      this.#addresses.set(ip, names.add(name))
      moves.push({ name, ip, came: true })
    }
    if (known === undefined || known < until) addresses.set(ip, until)
  }

  #makeRoom(name: string, addresses: ReadonlyMap<string, EpochMs>, moves: NameMove[]): void {
    if (addresses.size >= LIMITS.addressesPerName.value) {
      const first = firstToEnd(addresses)
      if (first !== undefined) moves.push(this.#evict(name, first))
    }
    if (this.#size < LIMITS.namedAddresses.value) return
    const [oldest] = this.#names
    for (const ip of oldest?.[1].keys() ?? []) moves.push(this.#evict(oldest?.[0] ?? '', ip))
  }

  #evict(name: string, ip: string): NameMove {
    this.#evicted++
    return this.#remove(name, ip)
  }

  #remove(name: string, ip: string): NameMove {
    const addresses = this.#names.get(name)
    if (addresses?.delete(ip)) this.#size--
    if (addresses?.size === 0) this.#names.delete(name)
    const names = this.#addresses.get(ip)
    names?.delete(name)
    if (names?.size === 0) this.#addresses.delete(ip)
    return { name, ip, came: false }
  }

  #isOver(until: EpochMs): boolean {
    return until <= this.#options.clock.now()
  }

  /** Addresses of which something is over its time. */
  due(): ReadonlySet<string> {
    return new Set([...this.entries()].filter(({ until }) => this.#isOver(until)).map(({ ip }) => ip))
  }

  /**
   * Removes what is over its time.
   * @param inUse addresses that are kept, because connections to them go on.
   */
  expire(inUse: ReadonlySet<string>): readonly NameMove[] {
    const over = [...this.entries()].filter(({ ip, until }) => this.#isOver(until) && !inUse.has(ip))
    return over.map(({ name, ip }) => this.#remove(name, ip))
  }

  /** The names that led to an address. */
  namesOf(ip: string): readonly string[] {
    return [...(this.#addresses.get(ip) ?? [])]
  }

  *entries(): IterableIterator<BookEntry> {
    for (const [name, addresses] of this.#names) {
      for (const [ip, until] of addresses) yield { name, ip, until }
    }
  }
}

function firstToEnd(addresses: ReadonlyMap<string, EpochMs>): string | undefined {
  let first: string | undefined
  let end = Number.POSITIVE_INFINITY
  for (const [ip, until] of addresses) if (until < end) [first, end] = [ip, until]
  return first
}
