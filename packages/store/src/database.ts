import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Compilable } from 'kysely'
import { builder } from './dialect.ts'
import { migrate } from './migrations.ts'

/** Statements that stay prepared; filters make new texts without end, so the oldest is let go. */
const PREPARED = 128
/** How long a writer waits for another process, such as `login-link` while the server runs. */
const BUSY_MS = 10_000

/** In KiB: what is not in it is mostly in the page cache of the kernel, which gives memory back. */
const CACHE = { writing: 32_768, reading: 16_384 }

/** Only values that our own queries bind come here: kysely types them as unknown. */
const isInput = (value: unknown): value is SQLInputValue =>
  value === null ||
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  ArrayBuffer.isView(value)

function inputs(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map(value => {
    if (isInput(value)) return value
    throw new TypeError(`a ${typeof value} cannot be bound to a statement`)
  })
}

/** One connection to one file: kysely writes the queries, this runs them, one after the other. */
export class Database implements Disposable {
  readonly build = builder()
  readonly #sqlite: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  readonly #begin: string
  #depth = 0
  #rollbacks = 0

  constructor(path: string, { readOnly }: { readonly readOnly: boolean }) {
    this.#begin = readOnly ? 'BEGIN' : 'BEGIN IMMEDIATE'
    if (readOnly) {
      this.#sqlite = new DatabaseSync(path, { timeout: BUSY_MS, readOnly })
      this.#sqlite.exec(`PRAGMA cache_size = -${CACHE.reading}`)
      return
    }
    // Made before SQLite does, so that the hashes in it are never readable by others; -wal and -shm inherit it.
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600))
    this.#sqlite = new DatabaseSync(path, { timeout: BUSY_MS })
    try {
      // auto_vacuum only takes effect before the first table. FULL: an acknowledged commit has reached the disk.
      this.#sqlite.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        PRAGMA cache_size = -${CACHE.writing}; PRAGMA journal_size_limit = 67108864`)
      migrate(this.#sqlite)
    } catch (error) {
      this.#sqlite.close()
      throw error
    }
  }

  prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    const statement = known ?? this.#sqlite.prepare(sql)
    this.#prepared.delete(sql)
    this.#prepared.set(sql, statement)
    if (this.#prepared.size > PREPARED) {
      for (const oldest of this.#prepared.keys()) {
        this.#prepared.delete(oldest)
        break
      }
    }
    return statement
  }

  all<Row>(query: Compilable<Row>): Row[] {
    const { sql, parameters } = query.compile()
    // kysely inferred Row from the query and the table types; SQLite's STRICT tables hold to those.
    return this.prepare(sql).all(...inputs(parameters)) as Row[]
  }

  first<Row>(query: Compilable<Row>): Row | undefined {
    const { sql, parameters } = query.compile()
    return this.prepare(sql).get(...inputs(parameters)) as Row | undefined
  }

  /** A statement of its own: two streams of one query do not disturb each other. */
  stream<Row>(query: Compilable<Row>): IterableIterator<Row> {
    const { sql, parameters } = query.compile()
    return this.#sqlite.prepare(sql).iterate(...inputs(parameters)) as IterableIterator<Row>
  }

  /** @returns how many rows changed. */
  run(query: Compilable): number {
    const { sql, parameters } = query.compile()
    return Number(this.prepare(sql).run(...inputs(parameters)).changes)
  }

  /** @returns the row id of an insert. */
  insert(query: Compilable): number {
    const { sql, parameters } = query.compile()
    return Number(this.prepare(sql).run(...inputs(parameters)).lastInsertRowid)
  }

  pragma(name: string): number {
    return Number(Object.values(this.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)
  }

  /** Runs to its end, outside any transaction. */
  vacuum(pages: number): void {
    this.#sqlite.exec(`PRAGMA incremental_vacuum(${pages})`)
  }

  /**
   * Changes when ids remembered from earlier transactions may not be true any more: another process wrote
   * (`data_version`), or a transaction of this one was rolled back.
   */
  memory(): string {
    return `${this.pragma('data_version')}.${this.#rollbacks}`
  }

  /** Call after deleting rows whose ids others may remember. */
  forget(): void {
    this.#rollbacks++
  }

  /**
   * IMMEDIATE: the write lock is taken first, so that what is read inside cannot change before it is written;
   * what only reads takes no lock, and sees the database as it was at its first read.
   * A nested call is a savepoint: it undoes only its own part.
   */
  transaction<T>(work: () => T): T {
    const [begin, commit, undo] =
      this.#depth === 0
        ? [this.#begin, 'COMMIT', 'ROLLBACK']
        : ['SAVEPOINT inner_work', 'RELEASE inner_work', 'ROLLBACK TO inner_work; RELEASE inner_work']
    this.#sqlite.exec(begin)
    this.#depth++
    try {
      const result = work()
      this.#sqlite.exec(commit)
      return result
    } catch (error) {
      this.#rollbacks++
      // After some errors (a full disk) SQLite has rolled back by itself.
      if (this.#sqlite.isTransaction) this.#sqlite.exec(undo)
      throw error
    } finally {
      this.#depth--
    }
  }

  [Symbol.dispose](): void {
    this.#prepared.clear()
    this.#sqlite.close()
  }
}
