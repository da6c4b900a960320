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

/** Seconds; a week, as RFC 8767 section 4 recommends: what is said to be so for years is not to be believed. */
const LONGEST_TTL = 604_800

/** The addresses of a name, and how long each counts. */
type Addresses = Map<string, EpochMs>
type Names = Map<string, Addresses>
type Added = BookEntry & { readonly isAsked: boolean }

/**
 * Which names led to which addresses, as trusted resolvers answered. Bounded: of one name the address that ends first
 * gives way, of all names the one that was answered longest ago; names that no rule asks for, which tell who else is
 * behind an address, before the others. Every change is told as moves, in their order.
 */
export class NameBook {
  readonly #options: NameBookOptions
  /** Names that rules asked for when they were last answered, in the order of that; and all others likewise. */
  readonly #asked: Names = new Map()
  readonly #others: Names = new Map()
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

  /**
   * Writes answers down. What is known already is only kept for longer, which is no move.
   * @param asksFor whether any rule asks for a name.
   */
  learn(answers: Iterable<AnsweredAddress>, asksFor: (name: string) => boolean): readonly NameMove[] {
    const { clock, minimumTtl, grace } = this.#options
    const now = clock.now()
    const moves: NameMove[] = []
    for (const { name, ip, ttl } of answers) {
      const seconds = Math.min(Math.max(ttl, minimumTtl), LONGEST_TTL) + grace
      const until = (now + seconds * 1_000) as EpochMs // milliseconds after another time
      this.#add({ name, ip, until, isAsked: asksFor(name) }, moves)
    }
    return moves
  }

  /** Takes back what was kept, over its time or not: it may still be in use. */
  restore(entries: Iterable<BookEntry>): readonly NameMove[] {
    const moves: NameMove[] = []
    for (const entry of entries) this.#add({ ...entry, isAsked: true }, moves)
    return moves
  }

  #add({ name, ip, until, isAsked }: Added, moves: NameMove[]): void {
    const addresses: Addresses = this.#addressesOf(name) ?? new Map()
    this.#forget(name)
    const known = addresses.get(ip)
    if (known === undefined) {
      this.#makeRoom(name, addresses, moves)
      this.#size++
      const sharing = this.#addresses.get(ip) ?? new Set()
      this.#addresses.set(ip, sharing.add(name))
      moves.push({ name, ip, came: true })
    }
    if (known === undefined || known < until) addresses.set(ip, until)
    const names = isAsked ? this.#asked : this.#others
    names.set(name, addresses)
  }

  #addressesOf(name: string): Addresses | undefined {
    return this.#asked.get(name) ?? this.#others.get(name)
  }

  #forget(name: string): void {
    for (const names of [this.#asked, this.#others]) names.delete(name)
  }

  #makeRoom(name: string, addresses: Addresses, moves: NameMove[]): void {
    const ending = addresses.size < LIMITS.addressesPerName.value ? undefined : firstToEnd(addresses)
    if (ending !== undefined) moves.push(this.#evict(name, ending, addresses))
    if (this.#size < LIMITS.namedAddresses.value) return
    const [oldest] = this.#others.size > 0 ? this.#others : this.#asked
    if (oldest) for (const ip of oldest[1].keys()) moves.push(this.#evict(oldest[0], ip, oldest[1]))
  }

  #evict(name: string, ip: string, addresses: Addresses): NameMove {
    this.#evicted++
    return this.#remove(name, ip, addresses)
  }

  #remove(name: string, ip: string, addresses: Addresses): NameMove {
    if (addresses.delete(ip)) this.#size--
    if (addresses.size === 0) this.#forget(name)
    const sharing = this.#addresses.get(ip)
    sharing?.delete(name)
    if (sharing?.size === 0) this.#addresses.delete(ip)
    return { name, ip, came: false }
  }

  #isOver(until: EpochMs): boolean {
    return until <= this.#options.clock.now()
  }

  /** Addresses of which something is over its time. */
  due(): ReadonlySet<string> {
    return new Set([...this.entries()].filter(({ until }) => this.#isOver(until)).map(({ ip }) => ip))
  }

  /** Removes what is over its time among these addresses. */
  expire(addresses: ReadonlySet<string>): readonly NameMove[] {
    const over = [...this.entries()].filter(({ ip, until }) => this.#isOver(until) && addresses.has(ip))
    return over.map(({ name, ip }) => this.#remove(name, ip, this.#addressesOf(name) ?? new Map()))
  }

  /** The names that led to an address. */
  namesOf(ip: string): readonly string[] {
    return [...(this.#addresses.get(ip) ?? [])]
  }

  *entries(): IterableIterator<BookEntry> {
    for (const names of [this.#others, this.#asked]) {
      for (const [name, addresses] of names) {
        for (const [ip, until] of addresses) yield { name, ip, until }
      }
    }
  }
}

function firstToEnd(addresses: Addresses): string | undefined {
  let ending: string | undefined
  let end = Number.POSITIVE_INFINITY
  for (const [ip, until] of addresses) if (until < end) [ending, end] = [ip, until]
  return ending
}
