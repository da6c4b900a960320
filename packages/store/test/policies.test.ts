import type { StateDelta } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { type ChangeRequest, openStore, type Store } from '../src/index.ts'
import { at, batch, node, policy, testClock, workload } from './builders.ts'

const clock = testClock(at(0))
const opened = () => openStore({ path: ':memory:', clock })
const request = (change: Partial<ChangeRequest>): ChangeRequest => ({
  actor: 'admin',
  summary: 'test',
  set: [],
  removed: [],
  ...change,
})
const yaml = (text: string) => policy('db', { yaml: text })
const names = (store: Store) => store.policies.list().map(({ id, yaml: text }) => `${id}=${text.trim()}`)
const idOf = (change: { id: number } | undefined): number => change?.id ?? -1

describe('policies', () => {
  test('a set is applied as one change with what was before and after', () => {
    using store = opened()
    const created = store.policies.apply(request({ set: [policy('a'), policy('b')] }))
    expect(created?.policies.map(({ id, before, after }) => [id, before?.yaml, after?.yaml])).toEqual([
      ['SecurityPolicy/shop/a', undefined, 'name: a\n'],
      ['SecurityPolicy/shop/b', undefined, 'name: b\n'],
    ])
    const second = store.policies.apply(
      request({ set: [policy('b', { yaml: 'new' })], removed: [policy('a').id] }),
    )
    expect(second).toMatchObject({ state: 'kept', revertsAt: undefined, settledBy: undefined })
    expect(second?.policies.map(({ before, after }) => [before?.yaml, after?.yaml])).toEqual([
      ['name: a\n', undefined],
      ['name: b\n', 'new'],
    ])
    expect(names(store)).toEqual(['SecurityPolicy/shop/b=new'])
    expect(store.policies.get(policy('b').id)).toMatchObject({ updatedBy: 'admin', updatedAt: at(0) })
    expect(store.policies.get(policy('a').id)).toBeUndefined()
    expect(store.policies.revisions()).toEqual(
      new Map(store.policies.list().map(({ id, revision }) => [id, revision])),
    )
  })

  test('a set that changes nothing is no change and no revision', () => {
    using store = opened()
    store.policies.apply(request({ set: [policy('a')] }))
    const revision = store.state.revision()
    expect(store.policies.apply(request({ set: [policy('a')] }))).toBeUndefined()
    expect(store.state.revision()).toBe(revision)
    expect(store.policies.changes({ limit: 10 }).items).toHaveLength(1)
  })

  test('removing what is not there refuses the whole set', () => {
    using store = opened()
    const wrong = request({ set: [policy('a')], removed: [policy('none').id] })
    expect(() => store.policies.apply(wrong)).toThrow(/no policy/)
    expect(names(store)).toEqual([])
  })

  test('a pending change holds its policies, falls due, and takes itself back as a whole', () => {
    using store = opened()
    store.policies.apply(request({ set: [yaml('old')] }))
    const pending = store.policies.apply(request({ set: [yaml('new'), policy('b')], revertsAt: at(300_000) }))
    expect(store.policies.due(at(299_999))).toEqual([])
    expect(store.policies.due(at(300_000))).toEqual([pending])
    expect(() => store.policies.apply(request({ set: [yaml('newer')] }))).toThrow(/pending/)
    store.policies.apply(request({ set: [policy('c')] }))
    const reverted = store.policies.revert(idOf(pending), 'sekisho')
    expect(reverted).toMatchObject({ state: 'reverted', settledBy: 'sekisho', revertsAt: undefined })
    expect(names(store)).toEqual(['SecurityPolicy/shop/c=name: c', 'SecurityPolicy/shop/db=old'])
    expect(store.policies.pending()).toEqual([])
    expect(() => store.policies.revert(idOf(pending), 'admin')).toThrow(/already/)
    expect(() => store.policies.keep(idOf(pending), 'admin')).toThrow(/not pending/)
  })

  test('a kept change stays, and can still be rolled back until a later one touches it', () => {
    using store = opened()
    const change = store.policies.apply(request({ set: [yaml('1')], revertsAt: at(1) }))
    expect(store.policies.keep(idOf(change), 'admin')).toMatchObject({ state: 'kept', settledBy: 'admin' })
    const second = store.policies.apply(request({ set: [yaml('2')] }))
    expect(() => store.policies.revert(idOf(change), 'admin')).toThrow(/changed again/)
    store.policies.revert(idOf(second), 'admin')
    store.policies.revert(idOf(change), 'admin')
    expect(names(store)).toEqual([])
  })

  test('history is paged, and can be asked for one policy', () => {
    using store = opened()
    for (const text of ['1', '2', '3']) store.policies.apply(request({ set: [yaml(text)], summary: text }))
    store.policies.apply(request({ set: [policy('other')], summary: 'other' }))
    const first = store.policies.changes({ limit: 2, policy: policy('db').id })
    expect(first.items.map(({ summary }) => summary)).toEqual(['3', '2'])
    const second = store.policies.changes({ limit: 2, policy: policy('db').id, cursor: first.next })
    expect(second.items.map(({ summary }) => summary)).toEqual(['1'])
    expect(second.next).toBeUndefined()
  })

  test.each(['keep', 'revert'] as const)('%s of a change that is not there is refused', action => {
    using store = opened()
    expect(() => store.policies[action](99, 'admin')).toThrow(/no change/)
  })
})

describe('the state log', () => {
  test('any delta on top of what was known gives the snapshot of now', () => {
    using store = opened()
    const steps: (() => unknown)[] = [
      () =>
        store.records.ingest(
          batch(1, { workloads: [workload('a'), workload('b')], namespaces: [ns('shop')] }),
        ),
      () => store.policies.apply(request({ set: [policy('p'), policy('q')] })),
      () =>
        store.records.ingest(batch(2, { workloads: [workload('b', { labels: { x: 'y' } }), workload('c')] })),
      () =>
        store.records.ingest(
          batch(1, { node: node('n2'), namespaces: [ns('shop', 'gold'), ns('payments')] }),
        ),
      () =>
        store.policies.apply(
          request({ set: [policy('q', { document: { new: true } })], removed: [policy('p').id] }),
        ),
      () => store.records.ingest(batch(3, { workloads: [workload('a')], namespaces: [] })),
      () => store.records.ingest(batch(2, { node: node('n2'), namespaces: [ns('payments')] })),
      () => store.agents.remove(node('n2')),
    ]
    const known = [store.state.snapshot()]
    for (const step of steps) {
      step()
      known.push(store.state.snapshot())
    }
    const now = known.at(-1)
    for (const before of known) {
      const delta = store.state.since(before.revision)
      expect(delta?.revision).toBe(now?.revision)
      expect(applied(before, delta)).toEqual(applied(now, undefined))
    }
    expect(new Set(known.map(({ revision }) => revision)).size).toBe(known.length)
  })

  test('a revision from elsewhere is answered with a snapshot', () => {
    using store = opened()
    expect(store.state.since(store.state.revision() + 1)).toBeUndefined()
    expect(store.state.since(store.state.revision())).toMatchObject({ policies: { set: [], removed: [] } })
  })

  test('an inventory that says the same changes no revision', () => {
    using store = opened()
    const same = { workloads: [workload('a')], namespaces: [ns('shop')] }
    expect(store.records.ingest(batch(1, same)).inventoryChanged).toBe(true)
    const revision = store.state.revision()
    expect(store.records.ingest(batch(2, same)).inventoryChanged).toBe(false)
    expect(store.state.revision()).toBe(revision)
  })
})

const ns = (name: string, tier = 'none') => ({ name, labels: { tier } })

/** Snapshot plus delta as sorted lists, the way an agent would hold them. */
function applied(
  snapshot: ReturnType<Store['state']['snapshot']> | undefined,
  delta: StateDelta | undefined,
) {
  const { workloads = [], namespaces = [], policies = [] } = snapshot ?? {}
  const merge = <T>(
    old: readonly T[],
    key: (item: T) => string,
    change?: { set?: readonly T[]; removed?: readonly string[] },
  ) => {
    const items = new Map(old.map(item => [key(item), item]))
    for (const item of change?.set ?? []) items.set(key(item), item)
    for (const id of change?.removed ?? []) items.delete(id)
    return [...items].sort(([a], [b]) => (a < b ? -1 : 1))
  }
  const name = (document: Readonly<Record<string, unknown>>) =>
    `SecurityPolicy/shop/${(document as { metadata?: { name: string } }).metadata?.name ?? 'q'}`
  return [
    merge(workloads, ({ id }) => id, delta?.workloads),
    merge(namespaces, item => item.name, delta?.namespaces),
    merge(policies, name, delta?.policies),
  ]
}
