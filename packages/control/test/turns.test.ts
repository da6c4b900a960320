import { expect, test } from 'vitest'
import { createTurns } from '../src/live/turns.ts'

test('one each turn of the loop, in the order in which they came', async () => {
  const loop: (() => void)[] = []
  const turns = createTurns(run => void loop.push(run))
  const had: number[] = []
  const all = [0, 1, 2].map(async each => {
    await turns.next()
    had.push(each)
  })
  const seen: number[] = []
  while (loop.length > 0) {
    loop.shift()?.()
    await Promise.resolve()
    await Promise.resolve()
    seen.push(had.length)
  }
  await Promise.all(all)
  expect({ had, seen }).toEqual({ had: [0, 1, 2], seen: [1, 2, 3] })
})

test('who comes when nobody waits any more is served too', async () => {
  const turns = createTurns()
  await turns.next()
  await turns.next()
  await Promise.all([turns.next(), turns.next()])
})
