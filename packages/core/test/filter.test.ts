import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileFilter, FILTER_KEYS, type FilterSubject, formatFilter, parseFilter } from '../src/index.ts'

const flow: FilterSubject = {
  source: { namespace: 'shop', name: 'web', ip: '10.1.0.4' },
  destination: { namespace: 'payments', name: 'ledger', ip: 'fd00::7' },
  protocol: 'TCP',
  port: 5432,
  application: 'postgresql',
  outcome: 'denied',
  why: 'isolated',
  by: 'SecurityPolicy/payments/ledger#ingress',
}

const matches = (text: string) => {
  const terms = parseFilter(text)
  return terms.ok && compileFilter(terms.value)(flow)
}

describe('filter', () => {
  test.each<[string, boolean]>([
    ['', true],
    ['ns:shop', true],
    ['ns:payments', true],
    ['ns:shop ns:monitoring', true],
    ['ns:shop port:80', false],
    ['port:80 port:5432', true],
    ['not:dst:ledger', false],
    ['not:dst:web', true],
    ['src:shop/web dst:payments/ledger', true],
    ['src:ledger', false],
    ['workload:ledger', true],
    ['dst:fd00::7', true],
    ['fd00::7', true],
    ['fd00::8', false],
    ['verdict:denied why:isolated by:payments/ledger', true],
    ['proto:tcp app:PostgreSQL', true],
    ['LEDG', true],
    ['not:ledg', false],
    ['ｎｓ：ｓｈｏｐ　ｐｏｒｔ：５４３２', true],
  ])('%s', (text, expected) => expect(matches(text)).toBe(expected))

  test.each([
    ['nss:shop', 'nss'],
    ['ns:', 'ns:'],
    ['not:', 'not:'],
  ])('%s is refused, not ignored', (text, word) => {
    expect(parseFilter(text)).toEqual({ ok: false, error: word })
  })

  test('what is written can be read', () => {
    const term = fc.record({
      key: fc.constantFrom(...FILTER_KEYS),
      value: fc.stringMatching(/^[a-z0-9:/][a-z0-9 :./-]{0,12}[a-z0-9]$/),
      not: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(term), terms => {
        expect(parseFilter(formatFilter(terms))).toEqual({ ok: true, value: terms })
      }),
    )
  })
})
