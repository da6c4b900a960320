import { expect, test } from 'vitest'
import { Flows } from '../../src/inspection/flows.ts'

class Flow implements Disposable {
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
