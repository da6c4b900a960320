import { compilePattern } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

describe('patterns', () => {
  test('mean what the same pattern means in JavaScript', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '(a|b)', '(ab|c)', '(?:b)')
    const piece = fc
      .tuple(atom, fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{2,}'))
      .map(([one, times]) => one + times)
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', '1'), { maxLength: 8 })
      .map(letters => letters.join(''))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), text, (pieces, subject) => {
        const compiled = compilePattern(pieces.join(''))
        if (!compiled.ok) throw new TypeError(compiled.error)
        expect(compiled.value(subject)).toBe(new RegExp(`^(?:${pieces.join('')})$`, 'su').test(subject))
      }),
      { numRuns: 500 },
    )
  })

  test('run in linear time where backtracking takes for ever', () => {
    const compiled = compilePattern('(a*)*b')
    expect(compiled.ok && compiled.value('a'.repeat(5_000))).toBe(false)
  })

  test.each([
    'a{1,101}',
    '(((a{100}){100}){100})',
    '[z-a]',
    '(?=a)',
    '\\1',
    'a**',
    '^a',
    '('.repeat(40),
    'a{2,1}',
  ])('refused: %s', pattern => {
    expect(compilePattern(pattern).ok).toBe(false)
  })
})
