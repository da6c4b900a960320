import { expect, test } from 'vitest'
import { parseQueueTable } from '../src/proc/queue-table.ts'

test('queues as the kernel prints them', () => {
  const source =
    '  40  12345     3 2 65531     7     2       99  1\n   41  12345     0 2 65531     0     0        0  1\n\n'
  expect(parseQueueTable(source)).toEqual([
    { number: 40, waiting: 3, full: 7, undelivered: 2, queued: 99 },
    { number: 41, waiting: 0, full: 0, undelivered: 0, queued: 0 },
  ])
})

test('lines of another form are left out', () => expect(parseQueueTable('queue pid\n40 1')).toEqual([]))
