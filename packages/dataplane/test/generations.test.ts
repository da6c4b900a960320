import type { ConntrackEntry } from '@sekisho/linux'
import { describe, expect, test } from 'vitest'
import { type ConnectionMarks, Generations, unusedGeneration } from '../src/generations.ts'
import {
  GENERATIONS,
  generationOf,
  MARK_MASK,
  type MarkState,
  nextGeneration,
  readMark,
  STATE,
  stampMark,
} from '../src/mark.ts'

const LAST = GENERATIONS - 1
const OTHERS = 0xabc

/** Connections by number, with their marks. */
function marked(marks: readonly number[]) {
  const now = [...marks]
  let visits = 0
  const connections: ConnectionMarks = {
    visit(visit) {
      visits++
      // No more of an entry is looked at than who it is and its mark.
      for (const [id, mark] of now.entries()) visit({ id, mark } as unknown as ConntrackEntry)
      return Promise.resolve()
    },
    setMark(connection, mark, mask) {
      const { id } = connection as unknown as { id: number }
      now[id] = (((now[id] ?? 0) & ~mask) | mark) >>> 0
      return true
    },
  }
  return { connections, now: () => now, visits: () => visits }
}

describe('marks', () => {
  test.each(Object.keys(STATE) as MarkState[])('%s, in the first generation and in the last', state => {
    const verdict = state === 'allowed' || state === 'denied' ? state : 'inspected'
    for (const generation of [1, LAST]) {
      const mark = stampMark(state, generation)
      expect(mark & ~MARK_MASK).toBe(0)
      expect(readMark(mark | OTHERS)).toEqual({ verdict, generation })
    }
  })

  test('of no generation say nothing', () => {
    expect(readMark(OTHERS)).toBe(undefined)
    expect(readMark(stampMark('denied', 0))).toBe(undefined)
  })

  test('every generation comes once in a turn', () => {
    const seen = new Set<number>()
    for (let generation = 1; !seen.has(generation); generation = nextGeneration(generation))
      seen.add(generation)
    expect(seen.size).toBe(LAST)
    expect(seen.has(0)).toBe(false)
  })
})

describe('a generation that comes again', () => {
  test('at the start what others left is taken away, and their bits stay', async () => {
    const generations = new Generations(6)
    generations.raise()
    const { connections, now } = marked([stampMark('allowed', 9) | OTHERS, stampMark('denied', LAST), OTHERS])
    await generations.forget(connections)
    expect(now()).toEqual([OTHERS, 0, OTHERS])
  })

  test('the present one stays, whatever its state', async () => {
    const generations = new Generations(6)
    const current = generations.raise()
    const states = (Object.keys(STATE) as MarkState[]).map(state => stampMark(state, current))
    const { connections, now } = marked(states)
    await generations.forget(connections)
    expect(now()).toEqual(states)
  })

  test('in every turn each mark is looked at before its number is given again', async () => {
    const generations = new Generations(1)
    const silent = marked([stampMark('allowed', 2)])
    await generations.forget(silent.connections)
    expect(silent.now()).toEqual([0])
    // Stamped now, and silent from here on.
    silent.now()[0] = stampMark('allowed', generations.current)
    const mine = generations.current
    for (let count = 1; count < LAST; count++) {
      generations.raise()
      await generations.forget(silent.connections)
    }
    expect(generations.raise()).toBe(mine)
    expect(generationOf(silent.now()[0] ?? -1)).toBe(0)
    // The whole table, at the start and once since.
    expect(silent.visits()).toBe(2)
  })

  test('what failed is tried again with the next change', async () => {
    const generations = new Generations(1)
    const { connections, now } = marked([stampMark('allowed', 9)])
    const failing = { ...connections, visit: () => Promise.reject(new Error('busy')) }
    await expect(generations.forget(failing)).rejects.toThrow('busy')
    await generations.forget(connections)
    expect(now()).toEqual([0])
  })
})

test('the first generation is one that no mark is of', async () => {
  const all = Array.from({ length: LAST }, (_, at) => stampMark('allowed', at + 1))
  const { connections } = marked(all.filter(mark => generationOf(mark) !== 77))
  expect(nextGeneration(await unusedGeneration(connections))).toBe(77)
})
