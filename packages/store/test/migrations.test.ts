import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
import { MIGRATIONS, migrate } from '../src/migrations.ts'
import { batch, flow, HOUR_WINDOW, temporary, testClock } from './builders.ts'

const schema = (file: string): unknown => {
  using sqlite = new DatabaseSync(file)
  return sqlite.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all()
}
const version = (file: string): unknown => {
  using sqlite = new DatabaseSync(file, { timeout: 5000 })
  return sqlite.prepare('PRAGMA user_version').get()?.user_version
}

describe('migrations', () => {
  test.each(MIGRATIONS.map((_, older) => older))('a file of version %i becomes what a new one is', older => {
    using dir = temporary()
    using fresh = temporary()
    openStore({ path: fresh.file, clock: testClock() })[Symbol.dispose]()
    const sqlite = new DatabaseSync(dir.file)
    migrate(sqlite, MIGRATIONS.slice(0, older))
    sqlite.close()
    expect(version(dir.file)).toBe(older)

    openStore({ path: dir.file, clock: testClock() })[Symbol.dispose]()
    expect(version(dir.file)).toBe(MIGRATIONS.length)
    expect(schema(dir.file)).toEqual(schema(fresh.file))
  })

  test('records of the first version are still there in the newest', () => {
    using dir = temporary()
    const sqlite = new DatabaseSync(dir.file)
    migrate(sqlite, MIGRATIONS.slice(0, 1))
    sqlite.exec(`INSERT INTO ends VALUES (1, 0, '', '192.0.2.1', '192.0.2.1', '', '192.0.2.1', '', 0);
      INSERT INTO edges VALUES (1, 1, 1, 'TCP', 80, '', 'allowed', '', '', 'not-selected', 0);
      INSERT INTO flows VALUES (${HOUR_WINDOW.since / 60_000}, 1, 7, 1, 1, 1, 0, 0)`)
    sqlite.close()
    using store = openStore({ path: dir.file, clock: testClock() })
    expect(store.records.totals(HOUR_WINDOW).allowed).toBe(7)
  })

  test('a file of a newer Sekisho is refused and left as it is', () => {
    using dir = temporary()
    const sqlite = new DatabaseSync(dir.file)
    migrate(sqlite, [...MIGRATIONS, 'CREATE TABLE tomorrow (x) STRICT'.replace('x', 'x TEXT')])
    sqlite.close()
    expect(() => openStore({ path: dir.file, clock: testClock() })).toThrow(/newer Sekisho/)
    expect(version(dir.file)).toBe(MIGRATIONS.length + 1)
  })

  test('a database of another program is refused', () => {
    using dir = temporary()
    const sqlite = new DatabaseSync(dir.file)
    sqlite.exec('CREATE TABLE theirs (x)')
    sqlite.close()
    expect(() => openStore({ path: dir.file, clock: testClock() })).toThrow(/another program/)
  })

  test('a step that fails leaves the version before it whole', () => {
    using dir = temporary()
    using sqlite = new DatabaseSync(dir.file)
    expect(() => migrate(sqlite, [...MIGRATIONS.slice(0, 2), 'CREATE TABLE half (x); nonsense'])).toThrow(
      /nonsense/,
    )
    expect(version(dir.file)).toBe(2)
    expect(JSON.stringify(schema(dir.file))).not.toContain('half')
  })

  test('killed in the middle of a step, the next start goes on from the last whole one', async () => {
    using dir = temporary()
    const child = spawn(process.execPath, [join(import.meta.dirname, 'migrate-for-ever.ts'), dir.file])
    const exit = once(child, 'exit')
    await expect.poll(() => version(dir.file), { timeout: 20_000 }).toBe(2)
    child.kill('SIGKILL')
    await exit
    using store = openStore({ path: dir.file, clock: testClock() })
    store.records.ingest(batch(1, { flows: [flow()] }))
    expect(store.records.totals(HOUR_WINDOW).allowed).toBe(1)
    expect(JSON.stringify(schema(dir.file))).not.toContain('half')
  })

  test('the file is readable by its owner only', () => {
    using dir = temporary()
    using store = openStore({ path: dir.file, clock: testClock() })
    store.records.ingest(batch(1))
    expect(statSync(dir.file).mode & 0o777).toBe(0o600)
    expect(statSync(`${dir.file}-wal`).mode & 0o777).toBe(0o600)
  })
})
