import { SekishoError } from '@sekisho/core'
import { expect, test } from 'vitest'
import { readFilter } from '../../src/insight/filter.ts'

test.each([
  ['colour:red', 1, /"colour" is not a key/],
  ['ns:shop  colour:red', 10, /not a key/],
  ['verdict:dropped', 1, /allowed, audited, denied/],
  ['ns:shop not:port:99999', 13, /0 to 65535/],
  ['ｎｓ：ｓｈｏｐ ｐｏｒｔ：ｘ', 9, /0 to 65535/],
  ['why:because', 1, /isolated/],
])('%s is refused with its column', (text, column, reason) => {
  const refused = () => readFilter(text)
  expect(refused).toThrow(SekishoError)
  expect(refused).toThrow(reason)
  expect(refused).toThrow(new RegExp(`column ${column}:`))
})

test('full-width text means the same as ASCII', () => {
  expect(readFilter('ｎｓ：ｓｈｏｐ verdict：denied')).toEqual(readFilter('ns:shop verdict:denied'))
  expect(readFilter(undefined)).toEqual([])
})
