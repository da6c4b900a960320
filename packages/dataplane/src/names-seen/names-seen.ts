import type { NameMove } from '@sekisho/policy'
import type { AnsweredAddress, BookEntry, NameBook } from './name-book.ts'

export interface NamesSeenOptions {
  readonly book: NameBook
  /** Whether any rule asks for the name. */
  asksFor(name: string): boolean
  /** Brings moves into the compiled table and the kernel. Resolves when they are there, or could not be brought. */
  program(moves: readonly NameMove[]): Promise<void>
  /** Other names lead to these addresses now. Resolves when no thread decides by what was before. */
  renamed(addresses: readonly string[]): Promise<void>
  /** Which of these addresses have connections that go on. Absent: connections do not outlive the names they came by. */
  readonly inUse?: (addresses: ReadonlySet<string>) => Promise<ReadonlySet<string>>
}

/** What trusted resolvers answer, on its way into the kernel and into the threads that inspect. */
export class NamesSeen {
  readonly #options: NamesSeenOptions
  #programming: Promise<void> = Promise.resolve()

  constructor(options: NamesSeenOptions) {
    this.#options = options
  }

  /** Resolves when whoever got the answer may connect: also to what an answer just before said, and is on its way. */
  answered(names: readonly AnsweredAddress[]): Promise<void> {
    const { book, asksFor } = this.#options
    return this.#follow(book.learn(names, asksFor))
  }

  /** To be called from time to time: names whose time is over lead nowhere any more. */
  async sweep(): Promise<void> {
    const { book, inUse } = this.#options
    const due = book.due()
    if (due.size === 0) return
    // What is over only since then was not asked about, and is left for the next time.
    await this.#follow(book.expire(due.difference((await inUse?.(due)) ?? NOBODY)))
  }

  /** What is to be kept for the next start. */
  entries(): readonly BookEntry[] {
    return [...this.#options.book.entries()]
  }

  /** What leads nowhere that a rule asks about changes nothing for anybody. */
  #follow(moves: readonly NameMove[]): Promise<void> {
    const { book, asksFor } = this.#options
    const asked = moves.filter(({ name }) => asksFor(name))
    const shared = moves.filter(({ name, ip }) => asksFor(name) || book.namesOf(ip).some(asksFor))
    const addresses = [...new Set(shared.map(({ ip }) => ip))]
    if (addresses.length > 0) this.#programming = this.#bring(asked, addresses, this.#programming)
    return this.#programming
  }

  /** The kernel before the threads: a connection that is queued is asked about with what is known by then. */
  async #bring(
    moves: readonly NameMove[],
    addresses: readonly string[],
    before: Promise<void>,
  ): Promise<void> {
    const { program, renamed } = this.#options
    await Promise.all([before, moves.length > 0 ? program(moves) : undefined])
    await renamed(addresses)
  }
}

const NOBODY: ReadonlySet<string> = new Set()
