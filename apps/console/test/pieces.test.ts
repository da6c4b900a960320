import type { FlowView } from '@sekisho/control'
import { parseFilter } from '@sekisho/core'
import { parsePolicies } from '@sekisho/policy'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { merge } from '../src/pages/flows/live.ts'
import { diffLines } from '../src/pages/policies/diff.ts'
import { complete, withTerm } from '../src/ui/filter.ts'
import { flows, LEDGER_YAML, SUGGESTION } from './fixture-data.ts'

describe('filter chips', () => {
  const values = { ns: ['shop', 'payments', 'two words'] }
  test.each<[string, readonly string[]]>([
    ['sr', ['src:']],
    ['not:ds', ['not:dst:']],
    ['verdict:au', ['verdict:audited']],
    ['ｎｓ：ｓｈ', ['ns:shop']],
    ['ns:two', ['ns:"two words"']],
    ['ns:shop', []],
    ['nowhere:x', []],
  ])('%s', (typed, expected) =>
    expect([...complete(typed, values)].toSorted()).toEqual([...expected].toSorted()),
  )

  test('every completion of a value is understood', () => {
    for (const typed of ['verdict:', 'why:', 'proto:', 'ns:', 'not:ns:']) {
      for (const option of complete(typed, values)) expect(parseFilter(option).ok).toBe(true)
    }
  })

  test('a term and its opposite do not stand side by side', () => {
    const denied = { key: 'verdict', value: 'denied', not: false } as const
    expect(withTerm([denied], denied)).toEqual([denied])
    expect(withTerm([denied], { ...denied, not: true })).toEqual([{ ...denied, not: true }])
  })
})

describe('live flows', () => {
  const [newest, second, third] = flows(3) as [FlowView, FlowView, FlowView]
  test('newest first, a later record of a flow replaces the earlier', () => {
    const again = { ...third, last: new Date(Date.now() + 60_000).toISOString(), connections: 99 }
    expect(merge([again], [newest, second, third]).map(flow => [flow.id, flow.connections])).toEqual([
      [third.id, 99],
      [newest.id, newest.connections],
      [second.id, second.connections],
    ])
  })
  test('no more than fit', () => expect(merge(flows(50), [], 10)).toHaveLength(10))
})

describe('differences', () => {
  test('a changed line', () => {
    expect(diffLines('a\nb\nc\n', 'a\nx\nc\n')).toEqual([
      { kind: 'same', text: 'a' },
      { kind: 'removed', text: 'b' },
      { kind: 'added', text: 'x' },
      { kind: 'same', text: 'c' },
    ])
  })
  test('created and deleted', () => {
    expect(diffLines('', 'a').map(line => line.kind)).toEqual(['added'])
    expect(diffLines('a', '').map(line => line.kind)).toEqual(['removed'])
  })
  test('both sides can be read back from it', () => {
    const document = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(document, document, (a, b) => {
        const lines = diffLines(`${a.join('\n')}\n`, `${b.join('\n')}\n`)
        const side = (without: string) => lines.filter(line => line.kind !== without).map(line => line.text)
        expect(side('added')).toEqual(a)
        expect(side('removed')).toEqual(b)
      }),
    )
  })
})

test('the fixtures are policies that the real parser accepts', () => {
  expect(parsePolicies(LEDGER_YAML).ok).toBe(true)
  expect(parsePolicies(SUGGESTION.yaml).ok).toBe(true)
})
