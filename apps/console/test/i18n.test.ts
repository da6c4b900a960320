import { EVENT_SEVERITIES, MODES, OUTCOMES, REASONS } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { en } from '../src/i18n/en/index.ts'
import { createFormat } from '../src/i18n/format.ts'
import { ja } from '../src/i18n/ja/index.ts'
import { count, detail, entry, plural } from '../src/i18n/plural.ts'

const JAPANESE = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u
/** What is written the same in both languages: names, syntax, the languages themselves. */
const SAME = new Set(['app.name', 'app.languages.en', 'app.palette.switchLanguage'])

/** Stands for any argument: as a number and text it is 1, and so is everything in it. */
const ANYTHING: unknown = new Proxy(
  {},
  {
    get: (_target, key) =>
      key === Symbol.toPrimitive || key === 'toString' || key === 'toLocaleString' ? () => 1 : 1,
  },
)

/** Every sentence by its path; functions are called with arguments that any of them can print. */
function sentences(node: unknown, path = ''): [string, string][] {
  if (typeof node === 'string') return [[path, node]]
  if (typeof node === 'function') {
    const parameters = Array.from({ length: node.length }, () => ANYTHING)
    return [[path, String((node as (...args: unknown[]) => unknown)(...parameters))]]
  }
  if (typeof node !== 'object' || node === null) throw new Error(`${path} is no sentence`)
  return Object.entries(node).flatMap(([key, value]) =>
    sentences(value, path === '' ? key : `${path}.${key}`),
  )
}

describe('dictionaries', () => {
  const english = new Map(sentences(en))
  const japanese = new Map(sentences(ja))

  test('have the same sentences, none empty', () => {
    expect([...japanese.keys()].toSorted()).toEqual([...english.keys()].toSorted())
    const empty = [...english, ...japanese].filter(([, text]) => text.trim() === '')
    expect(empty).toEqual([])
  })

  test('no English is left in the Japanese one', () => {
    const left = [...japanese].filter(
      ([path, text]) => !SAME.has(path) && !JAPANESE.test(text) && /[a-z]{3}/.test(text),
    )
    expect(left).toEqual([])
  })

  test('no Japanese is in the English one', () => {
    const foreign = [...english].filter(
      ([path, text]) => !path.endsWith('.ja') && !SAME.has(path) && JAPANESE.test(text),
    )
    expect(foreign).toEqual([])
  })

  test('nothing prints what is missing', () => {
    const broken = [...english, ...japanese].filter(([, text]) => /undefined|NaN|\[object/.test(text))
    expect(broken).toEqual([])
  })

  test.each([en, ja])('every word of the field has a translation', ({ terms }) => {
    for (const reason of REASONS) expect(terms.reasonSentence[reason]).not.toBe('')
    for (const outcome of OUTCOMES) expect(terms.outcome[outcome]).not.toBe('')
    for (const mode of MODES) expect(terms.mode[mode]).not.toBe('')
    for (const severity of EVENT_SEVERITIES) expect(terms.severity[severity]).not.toBe('')
  })
})

describe('words and numbers', () => {
  const english = createFormat('en')
  const japanese = createFormat('ja')
  const at = '2026-11-22T04:05:09.000Z'

  test('plurals', () => {
    expect([plural(1, 'flow'), plural(0, 'flow'), plural(1482, 'flow')]).toEqual([
      '1 flow',
      '0 flows',
      '1,482 flows',
    ])
    expect(plural(2, 'policy', 'policies')).toBe('2 policies')
  })

  test('details that are not there', () => {
    expect(detail({}, 'node')).toBe('–')
    expect(count({ connections: 'many' }, 'connections')).toBe(0)
    expect(entry({ known: 1 }, 'toString')).toBeUndefined()
  })

  test('dates', () => {
    expect(japanese.dateTime(at)).toMatch(/^2026\/11\/2[123] \d\d:05:09$/)
    expect(english.utc(at)).toBe('2026-11-22 04:05:09 UTC')
  })

  test.each<[number, string]>([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1_234_567, '1.23 MB'],
    [5e15, '5 PB'],
    [5e19, '50,000 PB'],
  ])('%d bytes', (bytes, expected) => expect(english.bytes(bytes)).toBe(expected))

  test.each<[number, string]>([
    [300_000, '5:00'],
    [299_001, '5:00'],
    [59_000, '0:59'],
    [-5, '0:00'],
  ])('countdown of %d ms', (ms, expected) => expect(english.countdown(ms)).toBe(expected))

  test('relative times', () => {
    const now = Date.parse(at)
    expect(english.ago(now - 5_000, now)).toBe('5 seconds ago')
    expect(japanese.ago(now - 7_200_000, now)).toBe('2 時間前')
    expect(english.ago(now, now)).toBe('now')
  })
})
