import { expect, test } from 'vitest'
import { createGroupCommit } from '../../src/agents/group-commit.ts'

/** What was written, by transaction. @param refuses commits the n-th transaction cannot be. */
function setUp(refuses: (transaction: number) => boolean = () => false) {
  const loop: (() => void)[] = []
  const transactions: string[][] = []
  const commits = createGroupCommit<string, string>({
    store: {
      transaction(work) {
        transactions.push([])
        const value = work()
        if (refuses(transactions.length - 1)) throw new Error('the disk is full')
        return value
      },
    },
    write(item) {
      if (item === 'bad') throw new Error('forbidden')
      transactions.at(-1)?.push(item)
      return item.toUpperCase()
    },
    weight: item => (item === 'heavy' ? 600 : 1),
    endsGroup: result => result === 'LAST',
    later: run => void loop.push(run),
  })
  /** Each turn of the loop until nothing is left to do. */
  const turn = () => {
    while (loop.length > 0) loop.shift()?.()
  }
  return { commits, transactions, turn }
}

const settled = async (all: readonly Promise<string>[]) =>
  (await Promise.allSettled(all)).map(each =>
    each.status === 'fulfilled' ? each.value : (each.reason as Error).message,
  )

test.each([
  ['what came together is one transaction', ['a', 'b', 'c'], [['a', 'b', 'c']]],
  ['what the next must find on disk ends it', ['a', 'last', 'c'], [['a', 'last'], ['c']]],
  ['and so does as much as one may hold', ['heavy', 'heavy', 'c'], [['heavy', 'heavy'], ['c']]],
])('%s', async (_, items, expected) => {
  const { commits, transactions, turn } = setUp()
  const all = items.map(item => commits.write(item))
  turn()
  expect(await settled(all)).toEqual(items.map(item => item.toUpperCase()))
  expect(transactions).toEqual(expected)
})

test('one that is refused is told so, and the others are written', async () => {
  const { commits, turn } = setUp()
  const all = ['a', 'bad', 'c'].map(item => commits.write(item))
  turn()
  expect(await settled(all)).toEqual(['A', 'forbidden', 'C'])
})

test('nothing is acknowledged of what could not be committed, and what comes then is written', async () => {
  const { commits, turn } = setUp(transaction => transaction === 0)
  const all = ['a', 'bad', 'last', 'd'].map(item => commits.write(item))
  turn()
  expect(await settled(all)).toEqual(['the disk is full', 'the disk is full', 'the disk is full', 'D'])
})

test('the loop decides when; nothing is lost between two groups', async () => {
  const { commits, transactions, turn } = setUp()
  const first = commits.write('a')
  turn()
  const second = commits.write('b')
  turn()
  expect(await settled([first, second])).toEqual(['A', 'B'])
  expect(transactions).toEqual([['a'], ['b']])
})
