import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileSelector, type LabelSelector, type Labels, selectorKey } from '../src/index.ts'

const web = { app: 'web', tier: 'front' }

describe('label selectors', () => {
  test.each<[string, LabelSelector, Labels, boolean]>([
    ['empty selects everything', {}, web, true],
    ['equal', { matchLabels: { app: 'web' } }, web, true],
    ['other value', { matchLabels: { app: 'api' } }, web, false],
    ['all must hold', { matchLabels: { app: 'web', tier: 'back' } }, web, false],
    ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['api', 'web'] }] }, web, true],
    ['In without the key', { matchExpressions: [{ key: 'x', operator: 'In', values: ['a'] }] }, web, false],
    ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, web, false],
    [
      'NotIn without the key',
      { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['a'] }] },
      web,
      true,
    ],
    ['Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, web, true],
    ['DoesNotExist', { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] }, web, true],
    [
      'a label called constructor',
      { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] },
      web,
      false,
    ],
    [
      'labels and expressions',
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['x'] }] },
      web,
      false,
    ],
  ])('%s', (_name, selector, labels, expected) => expect(compileSelector(selector)(labels)).toBe(expected))

  test('the key ignores order and repetition, and tells different selectors apart', () => {
    const a: LabelSelector = { matchLabels: { a: '1', b: '2' } }
    const b: LabelSelector = {
      matchExpressions: [
        { key: 'b', operator: 'In', values: ['2', '2'] },
        { key: 'a', operator: 'In', values: ['1'] },
      ],
    }
    expect(selectorKey(a)).toBe(selectorKey(b))
    expect(selectorKey({ matchExpressions: [{ key: 'a', operator: 'In', values: ['1", "2'] }] })).not.toBe(
      selectorKey({ matchExpressions: [{ key: 'a', operator: 'In', values: ['1', '2'] }] }),
    )
  })

  test('equal keys mean equal selection', () => {
    const requirement = fc.record({
      key: fc.constantFrom('a', 'b'),
      operator: fc.constantFrom<'In' | 'NotIn' | 'Exists' | 'DoesNotExist'>(
        'In',
        'NotIn',
        'Exists',
        'DoesNotExist',
      ),
      values: fc.array(fc.constantFrom('1', '2'), { minLength: 1, maxLength: 2 }),
    })
    const selector = fc.record({ matchExpressions: fc.array(requirement, { maxLength: 3 }) })
    const all: Labels[] = [
      {},
      { a: '1' },
      { a: '2' },
      { b: '1' },
      { b: '2' },
      { a: '1', b: '1' },
      { a: '2', b: '1' },
    ]
    fc.assert(
      fc.property(selector, selector, (one, two) => {
        if (selectorKey(one) !== selectorKey(two)) return
        for (const labels of all) expect(compileSelector(one)(labels)).toBe(compileSelector(two)(labels))
      }),
    )
  })
})
