import { expect, test } from 'vitest'
import { Recollection } from '../../src/inspection/recollection.ts'

test('at least half of the limit is known, the last, and at most all of it', () => {
  const known = new Recollection<number>(4)
  for (let at = 0; at < 7; at++) known.set(`key ${at}`, at)
  const found = Array.from({ length: 7 }, (_, at) => known.get(`key ${at}`))
  expect(found).toEqual([undefined, undefined, undefined, undefined, 4, 5, 6])
})

test('the last that was noted counts, and nothing once it is deleted', () => {
  const known = new Recollection<number>(4)
  known.set('a', 1)
  known.set('b', 2)
  known.set('c', 3)
  known.set('a', 4)
  expect(known.get('a')).toBe(4)
  known.delete('a')
  known.delete('never')
  expect(known.get('a')).toBeUndefined()
  expect(known.get('b')).toBe(2)
})
