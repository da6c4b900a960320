import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { duration, UsageError } from '../src/arguments.ts'
import { filterText } from '../src/commands/flows.ts'
import { lineDiff } from '../src/commands/policy-diff.ts'
import { parseEvent } from '../src/events.ts'
import { age, bytes } from '../src/output/format.ts'
import { createOutput, FORMATS, parseFormat } from '../src/output/output.ts'
import { renderTable } from '../src/output/table.ts'
import { width } from '../src/output/width.ts'

describe('tables', () => {
  test.each([
    ['web', 3],
    ['関所', 4],
    ['ｶﾞ', 2],
    ['e\u0301', 1],
    ['🚧', 2],
  ])('%s takes %i columns', (text, columns) => expect(width(text)).toBe(columns))

  const columns = [
    { title: 'NAME', value: (row: readonly string[]) => row[0] ?? '' },
    { title: 'NOTE', value: (row: readonly string[]) => row[1] ?? '' },
  ]
  test('line up with Japanese in them', () =>
    expect(
      renderTable(
        [
          ['関所', 'a'],
          ['web', 'b'],
        ],
        columns,
        true,
      ),
    ).toBe('NAME   NOTE\n関所   a\nweb    b\n'))
  test('foreign text cannot steer the terminal', () =>
    expect(renderTable([['\u001b[2Jx', 'a\nb']], columns, false)).toBe('\ufffd[2Jx   a\ufffdb\n'))
})

describe('formats', () => {
  const rows = [{ name: 'web' }]
  const print = async (format: string): Promise<string> => {
    const stdout = new PassThrough()
    const stderr = new PassThrough()
    const output = createOutput({
      format: parseFormat(format),
      headers: true,
      color: false,
      quiet: false,
      stdout,
      stderr,
    })
    output.progress('not a terminal: not shown')
    await output.list(rows, {
      columns: [{ title: 'NAME', value: row => row.name }],
      name: row => `thing/${row.name}`,
    })
    expect(stderr.read()).toBeNull()
    return String(stdout.read())
  }
  test.each([
    ['table', 'NAME\nweb\n'],
    ['wide', 'NAME\nweb\n'],
    ['json', `${JSON.stringify(rows, null, 2)}\n`],
    ['yaml', '- name: web\n'],
    ['name', 'thing/web\n'],
  ])('%s', async (format, text) => expect(await print(format)).toBe(text))
  test('are all named', () => expect(() => parseFormat('xml')).toThrow(FORMATS.join(', ')))
})

test.each([
  [0, '0s'],
  [59, '59s'],
  [312, '5m12s'],
  [3600 * 25, '1d1h'],
])('%i seconds are %s', (seconds, text) => expect(age(new Date(0).toISOString(), seconds * 1000)).toBe(text))

test.each([
  [0, '0 B'],
  [2048, '2.0 KiB'],
  [5 * 1024 ** 3, '5.0 GiB'],
])('%i bytes are %s', (count, text) => expect(bytes(count)).toBe(text))

test.each([
  ['5m', 300],
  ['30', 30],
  ['2h', 7200],
])('%s is %i seconds', (value, seconds) => expect(duration({ after: value }, 'after')).toBe(seconds))
test('a wrong duration names its option', () =>
  expect(() => duration({ 'revert-after': 'soon' }, 'revert-after')).toThrow(UsageError))

test('server-sent events: id, event, several data lines, comments', () => {
  expect(parseEvent(': ping')).toBeUndefined()
  expect(parseEvent('id: 7\nevent: flows\ndata: {"a":\ndata: 1}')).toEqual({
    id: '7',
    event: 'flows',
    data: '{"a":\n1}',
  })
})

test('a line diff keeps what is common', () =>
  expect(lineDiff(['a', 'b', 'c'], ['a', 'x', 'c', 'd'])).toEqual(['  a', '- b', '+ x', '  c', '+ d']))

test.each([
  [{ application: 'redis' }, ['verdict:denied'], 'app:redis verdict:denied'],
  [{ namespace: 'shop', application: 'redis', filter: 'port:80' }, [], 'ns:shop app:redis port:80'],
  [{}, [], undefined],
])('options narrow the filter: %j', (values, positionals, expected) =>
  expect(filterText({ values, positionals })).toBe(expected),
)
