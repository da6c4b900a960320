import { describe, expect, test } from 'vitest'
import { generatedScore } from '../../src/dns-security/index.ts'
import { FAMILIES, lettersOfDate } from '../../training/families.ts'

describe('generators', () => {
  test('make what their description says', () => {
    // The example of Wikipedia's article on domain generation algorithms.
    expect(lettersOfDate({ year: 2014, month: 1, day: 7 }, 16)).toBe('intgmxdeadnxuyla')
  })

  test.each(FAMILIES.map(family => [family.name, family] as const))(
    '%s makes labels, the same every time',
    (_, { label }) => {
      const made = Array.from({ length: 500 }, (_each, number) => label(number))
      expect(made).toEqual(Array.from({ length: 500 }, (_each, number) => label(number)))
      for (const each of made) expect(each).toMatch(/^[a-z0-9]{5,63}$/)
      expect(new Set(made).size).toBeGreaterThan(480)
    },
  )
})

describe('a score', () => {
  test.each(['', 'a', 'xn--bcher-kva', 'xjqkvb\\046z', '!'.repeat(70), 'short'])('of %j is none', label => {
    expect(generatedScore(label)).toBe(0)
  })
  test('is a share, whatever the label', () => {
    for (const label of ['x'.repeat(63), 'x'.repeat(300), '-'.repeat(20), '0'.repeat(63)]) {
      expect(generatedScore(label)).toBeGreaterThanOrEqual(0)
      expect(generatedScore(label)).toBeLessThanOrEqual(1)
    }
  })
})
