import { describe, expect, test } from 'vitest'
import { Flows, type Followed } from '../../src/inspection/flows.ts'

class Flow implements Followed {
  mayPause = false
  disposals = 0;
  [Symbol.dispose](): void {
    this.disposals++
  }
}

function filled(limit: number, ...keys: readonly string[]) {
  const flows = new Flows<Flow>(limit)
  const all = new Map(keys.map(key => [key, new Flow()]))
  for (const [key, flow] of all) expect(flows.add(key, flow)).toBe(true)
  return { flows, all }
}

test('a flow is found by its key until it is deleted, and then let go', () => {
  const { flows, all } = filled(4, 'a', 'b')
  expect(flows.get('a')).toBe(all.get('a'))
  expect(flows.get('c')).toBeUndefined()
  flows.delete('a')
  flows.delete('c')
  expect(flows.get('a')).toBeUndefined()
  expect(flows.get('b')).toBe(all.get('b'))
  expect(flows.size).toBe(1)
  expect([...all.values()].map(flow => flow.disposals)).toEqual([1, 0])
})

test('what is asked for in a period outlives it, and what is silent for two is let go', () => {
  const { flows, all } = filled(4, 'speaks', 'silent')
  flows.age()
  expect(flows.get('speaks')).toBe(all.get('speaks'))
  expect(flows.size).toBe(2)
  flows.age()
  expect(flows.get('silent')).toBeUndefined()
  expect(flows.get('speaks')).toBe(all.get('speaks'))
  expect([...all.values()].map(flow => flow.disposals)).toEqual([0, 1])
})

test('a flow of an earlier period can be deleted, and is let go once', () => {
  const { flows, all } = filled(4, 'a')
  flows.age()
  flows.delete('a')
  flows.age()
  expect(flows.size).toBe(0)
  expect(all.get('a')?.disposals).toBe(1)
})

test('where there is no room, only what was silent for a period gives way, the longest silent first', () => {
  const { flows, all } = filled(2, 'a', 'b')
  expect(flows.add('c', new Flow())).toBe(false)
  expect(flows.get('c')).toBeUndefined()
  flows.age()
  expect(flows.add('c', new Flow())).toBe(true)
  expect(flows.get('a')).toBeUndefined()
  expect(flows.get('b')).toBe(all.get('b'))
  expect(all.get('a')?.disposals).toBe(1)
  expect(flows.add('d', new Flow())).toBe(false)
  expect(flows.size).toBe(2)
})

describe('a flow that may pause', () => {
  const paused = () => {
    const made = filled(4, 'pool', 'other')
    const pool = made.all.get('pool')
    if (pool) pool.mayPause = true
    const age = (periods: number) => {
      for (let period = 0; period < periods; period++) made.flows.age()
    }
    return { ...made, age, pool }
  }

  test('is kept when others are let go, and is found again', () => {
    const { flows, pool, age } = paused()
    age(10)
    expect(flows.size).toBe(1)
    expect([...flows.values()]).toEqual([pool])
    expect(flows.get('other')).toBeUndefined()
    expect(flows.get('pool')).toBe(pool)
    expect(pool?.disposals).toBe(0)
  })

  test('is let go after two long periods, and what asks for it in between begins them anew', () => {
    const { flows, pool, age } = paused()
    age(62)
    expect(flows.get('pool')).toBe(pool)
    age(62)
    expect(flows.size).toBe(1)
    age(120)
    expect(flows.size).toBe(0)
    expect(pool?.disposals).toBe(1)
  })

  test('gives way to new ones before those that were silent for less', () => {
    const { flows, pool, all, age } = paused()
    age(3)
    for (const key of ['a', 'b', 'c']) flows.add(key, new Flow())
    flows.age()
    expect(flows.add('d', new Flow())).toBe(true)
    expect(pool?.disposals).toBe(1)
    expect(flows.get('a')).toBeDefined()
    expect(all.get('other')?.disposals).toBe(1)
  })

  test('is deleted wherever it is', () => {
    const { flows, pool, age } = paused()
    age(70)
    flows.delete('pool')
    expect([flows.size, pool?.disposals]).toEqual([0, 1])
  })
})
