import { DatabaseSync } from 'node:sqlite'
import type { AgentStatus } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
import { at, batch, MINUTE, node, temporary, testClock, workload } from './builders.ts'

describe('accounts', () => {
  test('a user is made once and keeps the password', () => {
    using store = openStore({ path: ':memory:', clock: testClock() })
    expect(store.accounts.ensureUser('admin').passwordHash).toBeUndefined()
    store.accounts.setPassword('admin', 'hash')
    expect(store.accounts.ensureUser('admin').passwordHash).toBe('hash')
    expect(store.accounts.users()).toHaveLength(1)
    expect(() => store.accounts.setPassword('nobody', 'hash')).toThrow(/no user/)
  })

  test('sessions end by time, by themselves, or all but one', () => {
    const clock = testClock()
    using store = openStore({ path: ':memory:', clock })
    store.accounts.ensureUser('admin')
    for (const hash of ['a', 'b', 'c'])
      store.accounts.openSession({ hash, user: 'admin', expiresAt: at(MINUTE) })
    expect(store.accounts.session('a')).toMatchObject({ user: 'admin', expiresAt: at(MINUTE) })
    store.accounts.closeSession('a')
    expect(store.accounts.session('a')).toBeUndefined()
    expect(store.accounts.closeSessions('admin', 'b')).toBe(1)
    store.accounts.extendSession('b', at(2 * MINUTE))
    clock.time = at(2 * MINUTE - 1)
    expect(store.accounts.session('b')).toBeDefined()
    clock.time = at(2 * MINUTE)
    expect(store.accounts.session('b')).toBeUndefined()
  })

  test('API tokens work until they expire or are revoked by their owner', () => {
    const clock = testClock()
    using store = openStore({ path: ':memory:', clock })
    for (const name of ['admin', 'other']) store.accounts.ensureUser(name)
    const token = store.accounts.createToken({
      id: '1',
      hash: 'h',
      user: 'admin',
      name: 'ci',
      expiresAt: at(MINUTE),
    })
    expect(store.accounts.token('h')).toEqual(token)
    expect(store.accounts.tokens('admin')).toEqual([token])
    expect(store.accounts.revokeToken('1', 'other')).toBe(false)
    clock.time = at(MINUTE)
    expect(store.accounts.token('h')).toBeUndefined()
    expect(store.accounts.revokeToken('1', 'admin')).toBe(true)
    expect(store.accounts.tokens('admin')).toEqual([])
  })

  test('a one-time secret is used once, for its purpose, in time', () => {
    const clock = testClock()
    using store = openStore({ path: ':memory:', clock })
    const issue = (hash: string) =>
      store.accounts.issue({ hash, purpose: 'join', subject: 'node-1', expiresAt: at(MINUTE) })
    issue('h')
    expect(store.accounts.redeem('h', 'login')).toBeUndefined()
    expect(store.accounts.redeem('h', 'join')).toBe('node-1')
    expect(store.accounts.redeem('h', 'join')).toBeUndefined()
    issue('late')
    clock.time = at(MINUTE)
    expect(store.accounts.redeem('late', 'join')).toBeUndefined()
  })
})

describe('agents', () => {
  const status = { node: node(), version: '1', revision: 7 } as AgentStatus

  test('a node joins, reports, joins again with another key, and is removed with its workloads', () => {
    const clock = testClock()
    using store = openStore({ path: ':memory:', clock })
    store.agents.join({ node: node(), publicKey: 'k1', certificateSerial: '1' })
    expect(store.agents.get(node())).toMatchObject({
      lastSeen: undefined,
      status: undefined,
      joinedAt: at(0),
    })
    clock.time = at(MINUTE)
    store.records.ingest(batch(1, { status, workloads: [workload('web-1')] }))
    clock.time = at(2 * MINUTE)
    store.records.ingest(batch(2))
    expect(store.agents.get(node())).toMatchObject({ lastSeen: at(2 * MINUTE), status })
    store.agents.seen(node())
    store.agents.join({ node: node(), publicKey: 'k2', certificateSerial: '2' })
    expect(store.agents.list()).toMatchObject([{ publicKey: 'k2', certificateSerial: '2', status }])
    expect(store.agents.remove(node())).toBe(true)
    expect(store.agents.remove(node())).toBe(false)
    expect(store.records.inventory().workloads).toEqual([])
  })
})

describe('of many agents', () => {
  const told = (name: string, status: object) =>
    batch(1, { node: node(name), status: { node: node(name), ...status } as AgentStatus })

  test('only what is asked of each is read', () => {
    using store = openStore({ path: ':memory:', clock: testClock() })
    store.agents.join({ node: node('a'), publicKey: 'k1', certificateSerial: '1' })
    expect(store.agents.joined(node('a'))).toEqual({ publicKey: 'k1', joinedAt: at(0) })
    expect(store.agents.joined(node('b'))).toBeUndefined()
    store.records.ingest(told('a', { history: 'own', revision: 7 }))
    store.records.ingest(told('b', { history: 'another', revision: 8 }))
    store.records.ingest(told('c', { revision: 9 }))
    expect(store.agents.revisions('own')).toEqual(new Map([[node('a'), 7]]))
  })

  test('who was just heard of is not written down again', () => {
    const clock = testClock()
    using store = openStore({ path: ':memory:', clock })
    store.agents.join({ node: node(), publicKey: 'k1', certificateSerial: '1' })
    const seen = (ms: number) => {
      clock.time = at(ms)
      store.agents.seen(node())
      return store.agents.get(node())?.lastSeen
    }
    expect([seen(0), seen(19_000), seen(20_000), seen(30_000)]).toEqual([
      at(0),
      at(0),
      at(20_000),
      at(20_000),
    ])
  })
})

describe('audit', () => {
  const note = (target: string) =>
    ({
      actor: 'admin',
      action: 'policy.apply',
      target,
      result: 'ok',
      from: '192.0.2.1',
      details: '{}',
    }) as const

  /** Three entries, then whatever a person with the file in hand does to it. */
  const tampered = (file: string, sql: string) => {
    {
      using store = openStore({ path: file, clock: testClock() })
      for (const target of ['a', 'b', 'c']) store.audit.append(note(target))
    }
    using sqlite = new DatabaseSync(file)
    sqlite.exec(`DROP TRIGGER audit_keeps_words; DROP TRIGGER audit_keeps_entries; ${sql}`)
  }

  test.each([
    ['nothing', '', { intact: true, entries: 3 }],
    ['a word', "UPDATE audit SET actor = 'eve' WHERE id = 2", { intact: false, entry: 2, reason: 'changed' }],
    ['a hash', "UPDATE audit SET hash = 'x' WHERE id = 1", { intact: false, entry: 1, reason: 'changed' }],
    ['an entry', 'DELETE FROM audit WHERE id = 2', { intact: false, entry: 2, reason: 'missing' }],
    ['the first', 'DELETE FROM audit WHERE id = 1', { intact: false, entry: 1, reason: 'missing' }],
    [
      'the order',
      'UPDATE audit SET id = -1 WHERE id = 1; UPDATE audit SET id = 1 WHERE id = 2; UPDATE audit SET id = 2 WHERE id = -1',
      { intact: false, entry: 1, reason: 'changed' },
    ],
  ])('%s changed is seen', (_name, sql, expected) => {
    using dir = temporary()
    tampered(dir.file, sql)
    using store = openStore({ path: dir.file, clock: testClock() })
    expect(store.audit.verify()).toMatchObject(expected)
  })

  test('no client changes or deletes an entry by mistake', () => {
    using dir = temporary()
    using store = openStore({ path: dir.file, clock: testClock() })
    store.audit.append(note('a'))
    using sqlite = new DatabaseSync(dir.file)
    for (const sql of ['DELETE FROM audit', "UPDATE audit SET actor = 'x'"]) {
      expect(() => sqlite.exec(sql)).toThrow(/append-only/)
    }
  })

  test('two programs that append to one file make one chain', () => {
    using dir = temporary()
    using one = openStore({ path: dir.file, clock: testClock() })
    using two = openStore({ path: dir.file, clock: testClock() })
    for (const target of ['a', 'b', 'c']) {
      one.audit.append(note(target))
      two.audit.append(note(target))
    }
    expect(one.audit.verify()).toMatchObject({ intact: true, entries: 6 })
    const { items, next } = one.audit.page({ limit: 4 })
    expect(items.map(({ id }) => id)).toEqual([6, 5, 4, 3])
    expect(one.audit.page({ limit: 4, cursor: next }).items.map(({ id }) => id)).toEqual([2, 1])
  })
})
