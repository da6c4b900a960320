import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FLOWS, flowsPlace, policyPlace, SUGGEST, suggestPlace } from '../src/app/places.ts'
import { last, type TimeWindow, timeWindow, windowQuery } from '../src/app/time.ts'
import { type Codec, decode, encode, flag, list, oneOf, optional, text, to } from '../src/app/url.ts'

interface State {
  filter: string
  window: TimeWindow
  paused: boolean
  ns: readonly string[]
  flow: string | undefined
  kind: 'a' | 'b'
}

const CODEC: Codec<State> = {
  filter: text(),
  window: timeWindow('1h'),
  paused: flag,
  ns: list,
  flow: optional,
  kind: oneOf(['a', 'b'], 'a'),
}

describe('the address', () => {
  test('what is the default is not written', () => {
    expect(encode(CODEC, decode(CODEC, ''))).toBe('')
    expect(to('/flows', FLOWS, {})).toBe('/flows')
  })

  test.each<[string, object]>([
    ['window=15m', { window: last('15m') }],
    ['window=forever', { window: last('1h') }],
    ['window=99999d', { window: last('1h') }],
    [
      'window=2026-11-22T04:00:00.000Z..2026-11-22T05:00:00.000Z',
      { window: { kind: 'fixed', since: '2026-11-22T04:00:00.000Z', until: '2026-11-22T05:00:00.000Z' } },
    ],
    ['window=2026-11-22T04:00:00.000Z..soon', { window: last('1h') }],
    ['paused=1&ns=shop,,payments', { paused: true, ns: ['shop', 'payments'] }],
    ['paused=yes', { paused: false }],
    ['kind=b', { kind: 'b' }],
    ['kind=__proto__', { kind: 'a' }],
  ])('%s', (search, expected) => expect(decode(CODEC, search)).toMatchObject(expected))

  test('any state survives the way through the address', () => {
    const state: fc.Arbitrary<State> = fc.record({
      filter: fc.string({ unit: 'grapheme' }),
      window: fc.constantFrom(last('5m'), last('1h'), last('7d')),
      paused: fc.boolean(),
      ns: fc.array(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { maxLength: 4 }),
      flow: fc.option(fc.string(), { nil: undefined }),
      kind: fc.constantFrom('a' as const, 'b' as const),
    })
    fc.assert(
      fc.property(state, value => {
        expect(decode(CODEC, encode(CODEC, value))).toEqual(value)
      }),
    )
  })

  test('parameters of others are kept', () => {
    expect(encode({ paused: flag }, { paused: true }, 'view=table')).toBe('view=table&paused=1')
  })

  test('places', () => {
    expect(flowsPlace('verdict:denied')).toBe('/flows?filter=verdict%3Adenied')
    expect(suggestPlace(['shop'])).toBe('/policies/suggest?ns=shop')
    expect(policyPlace('ClusterSecurityPolicy//baseline')).toBe('/policies/ClusterSecurityPolicy/_/baseline')
    expect(decode(SUGGEST, 'step=simulate').step).toBe('simulate')
  })

  test('windows as the API takes them', () => {
    expect(windowQuery(last('15m'))).toEqual({ window: '15m' })
    const fixed = { kind: 'fixed', since: 'a', until: 'b' } as const
    expect(windowQuery(fixed)).toEqual({ since: 'a', until: 'b' })
  })
})
