import type { Labels } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type GroupLabels, selectorOf } from '../src/learn/selector.ts'

const group = (labels: Labels, ...varying: string[]): GroupLabels => ({ labels, varying: new Set(varying) })
const helm = (name: string, component: string, instance = 'one'): Labels => ({
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/instance': instance,
  'app.kubernetes.io/managed-by': 'Helm',
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/part-of': 'shop',
})

describe('the selector of a group', () => {
  test.each<[string, GroupLabels, readonly GroupLabels[], Labels]>([
    [
      'its name alone',
      group(helm('web', 'front')),
      [group(helm('db', 'back'))],
      { 'app.kubernetes.io/name': 'web' },
    ],
    [
      'with its component where others have the name',
      group(helm('shop', 'front')),
      [group(helm('shop', 'back'))],
      { 'app.kubernetes.io/name': 'shop', 'app.kubernetes.io/component': 'front' },
    ],
    [
      'with its instance where others have both',
      group(helm('redis', 'primary', 'cart')),
      [group(helm('redis', 'primary', 'session')), group(helm('redis', 'replica', 'cart'))],
      {
        'app.kubernetes.io/name': 'redis',
        'app.kubernetes.io/component': 'primary',
        'app.kubernetes.io/instance': 'cart',
      },
    ],
    [
      'an older convention',
      group({ app: 'web', team: 'a' }),
      [group({ app: 'db', team: 'a' })],
      { app: 'web' },
    ],
    [
      'a smaller set of another convention',
      group({ ...helm('x', 'a'), app: 'web' }),
      [group(helm('x', 'a'))],
      { app: 'web' },
    ],
    ['no part alone', group({ tier: 'back', team: 'a' }), [group({ app: 'x' })], { tier: 'back', team: 'a' }],
    [
      'not what some workload of another may have',
      group({ app: 'web', role: 'front' }),
      [group({ role: 'back' }, 'app')],
      { app: 'web', role: 'front' },
    ],
  ])('%s', (_name, own, others, matchLabels) => expect(selectorOf(own, others)).toEqual({ matchLabels }))

  test('a group whose labels another has too takes out what the other has more', () => {
    expect(selectorOf(group({ app: 'x' }), [group({ app: 'x', tier: 'back' })])).toEqual({
      matchLabels: { app: 'x' },
      matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }],
    })
  })

  const labels: fc.Arbitrary<Labels> = fc.dictionary(
    fc.constantFrom('app.kubernetes.io/name', 'app.kubernetes.io/component', 'app', 'tier', 'team', 'track'),
    fc.constantFrom('a', 'b'),
    { noNullPrototype: true },
  )
  /** Workloads by group, each with its labels. */
  const groups = fc.array(fc.array(labels, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 6 })

  test('selects all its workloads, and no other that labels can tell from them', () => {
    const commonOf = (members: readonly Labels[]): GroupLabels => {
      const [first = {}, ...rest] = members
      const common = Object.entries(first).filter(([key, value]) => rest.every(each => each[key] === value))
      const keys = new Set(members.flatMap(each => Object.keys(each)))
      return {
        labels: Object.fromEntries(common),
        varying: new Set([...keys].filter(key => !common.some(([k]) => k === key))),
      }
    }
    fc.assert(
      fc.property(groups, all => {
        const [own, ...others] = all.map(commonOf)
        const [members = [], ...strangers] = all
        if (!own || Object.keys(own.labels).length === 0) return
        const { matchLabels = {}, matchExpressions = [] } = selectorOf(own, others)
        const selects = (one: Labels) =>
          Object.entries(matchLabels).every(([key, value]) => one[key] === value) &&
          matchExpressions.every(({ key, values = [] }) => !values.includes(one[key] ?? ''))
        for (const member of members) expect(selects(member)).toBe(true)
        const has = (one: Labels) => Object.entries(own.labels).every(([key, value]) => one[key] === value)
        for (const stranger of strangers.flat()) if (!has(stranger)) expect(selects(stranger)).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })
})
