import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Asked, MapView, Question } from '@sekisho/control'
import { type EpochMs, LIMITS, SekishoError } from '@sekisho/core'
import { openStore, type Store } from '@sekisho/store'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../src/clock.ts'
import { databaseIn } from '../src/data.ts'
import { openInsight } from '../src/insight/insight.ts'

let data: string
let store: Store
let insight: ReturnType<typeof openInsight>
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'sekisho-insight-'))
  store = openStore({ path: databaseIn(data), clock: systemClock })
  insight = openInsight({ data })
})
afterEach(async () => {
  await insight[Symbol.asyncDispose]()
  store[Symbol.dispose]()
  rmSync(data, { recursive: true })
})

const NOW = 1_767_225_600_000 as EpochMs
const ask = (question: Question, more: Partial<Asked> = {}) =>
  insight.ask({ question, now: NOW, connected: [], revision: 1, ...more })
const map = (filter: string): Question => ({ kind: 'map', ends: {}, filter })

describe('the insight thread', () => {
  test('answers at the moment of the asker, from what is committed', async () => {
    const view = JSON.parse(await ask(map(''))) as MapView
    expect(view).toMatchObject({ at: new Date(NOW).toISOString(), notes: [{ code: 'no-agent' }] })
    store.records.ingest({
      node: 'n1' as never, // a node's name is its own brand
      epoch: 'e',
      sequence: 1,
      events: [],
      flows: [],
      namespaces: [{ name: 'shop', labels: {} }],
      workloads: [],
    })
    const overview = JSON.parse(await ask({ kind: 'overview', ends: {} })) as { namespaces: number }
    expect(overview.namespaces).toBe(1)
  })

  test('the same question, asked while it is answered, is answered once', async () => {
    const [first, same, other, later] = [
      ask(map('')),
      ask(map('')),
      ask(map('ns:a')),
      ask(map(''), { revision: 2 }),
    ]
    expect(same).toBe(first)
    expect(new Set([first, other, later]).size).toBe(3)
    await Promise.all([first, other, later])
    const again = ask(map(''))
    expect(again).not.toBe(first)
    await again
  })

  test('more questions than may wait are refused at once; those that wait are answered', async () => {
    const most = LIMITS.insightQuestions.value
    const waiting = Array.from({ length: most }, (_, n) => ask(map(`ns:n${n}`)))
    await expect(ask(map('one too many'))).rejects.toMatchObject({ code: 'unavailable' })
    expect(await Promise.all(waiting)).toHaveLength(most)
    await expect(ask(map('one too many'))).resolves.toContain('"nodes"')
  })

  test('a refusal comes back as what it was', async () => {
    const refused = await ask(map('verdict:maybe')).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(SekishoError)
    expect(refused).toMatchObject({ code: 'bad-request', problems: [{ path: 'filter', column: 1 }] })
    const yaml = { kind: 'simulate', ends: {}, yaml: '{a: [', mode: 'Audit', without: [] } as const
    await expect(ask(yaml)).rejects.toMatchObject({ code: 'policy-refused' })
  })

  test('it cannot write, and a failure inside it ends neither it nor the server', async () => {
    const broken = { kind: 'map', ends: { window: 7 as never } } as const
    await expect(ask(broken)).rejects.toThrow(TypeError)
    await expect(ask(map(''))).resolves.toContain('"nodes"')
    using readOnly = openStore({ path: databaseIn(data), clock: systemClock, readOnly: true })
    expect(() => readOnly.accounts.ensureUser('eve')).toThrow(/readonly/)
  })

  test('it ends where nobody asks, and another answers who asks then', async () => {
    await using brief = openInsight({ data }, 1)
    const question = { question: map(''), now: NOW, connected: [], revision: 1 }
    await brief.ask(question)
    // Who is there goes on reading what it has open; who comes finds nothing.
    renameSync(databaseIn(data), join(data, 'away'))
    await vi.waitFor(() => expect(brief.ask(question)).rejects.toThrow(/unable to open database/))
    renameSync(join(data, 'away'), databaseIn(data))
    await expect(brief.ask(question)).resolves.toContain('"nodes"')
  })

  test('the database is gone: the question fails, the next thread answers', async () => {
    const elsewhere = openInsight({ data: join(data, 'nothing') })
    const question = { question: map(''), now: NOW, connected: [], revision: 1 }
    await expect(elsewhere.ask(question)).rejects.toThrow(/unable to open database/)
    await expect(elsewhere.ask(question)).rejects.toThrow(/unable to open database/)
    await elsewhere[Symbol.asyncDispose]()
  })
})
