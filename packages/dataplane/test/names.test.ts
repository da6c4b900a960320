import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRuleset, isInterfaceName, parsePrefix, script } from '../src/index.ts'
import { chainName, counterName, quoteInterface, ruleKey, setName } from '../src/names.ts'
import { attachment, chain, isolation, rule, selector, table } from './tables.ts'

const HOSTILE = [
  'eth0"; drop; "',
  'a}\nflush ruleset\n',
  'veth*',
  '$x',
  'a b',
  'ä',
  '',
  '.',
  'a-name-longer-than-15',
  'x/y',
  "'",
  '\\',
]

describe('names that reach the kernel', () => {
  test.each(HOSTILE)('the interface %j is refused', name => {
    expect(isInterfaceName(name)).toBe(false)
    expect(() => quoteInterface(name)).toThrow(TypeError)
  })

  test.each(['eth0', 'veth1a2b3c', 'cali0.1', 'br-1_2', 'eth0@if3'])('the interface %s is taken', name => {
    expect(quoteInterface(name)).toBe(`"${name}"`)
  })

  test('an interface that cannot be named is known by its addresses, and enforced', () => {
    const hostile = attachment('a', { interface: 'x"; accept; "', enforce: { ingress: 'c' } })
    const text = script(
      createRuleset(table({ chains: [chain('c', [[isolation]])], attachments: [hostile] }), 1).rebuild(),
    )
    expect(text).not.toContain('x"')
    expect(text).toMatch(/add element inet sekisho ingress_4 \{ 10\.0\.0\.1 : jump e_[\w-]{22} \}/)
  })

  test('no character of an id survives in a name', () => {
    const names = /^[a-z]+\d?_[\w-]{22}$/
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), id => {
        for (const name of [
          setName('selector', 4, id),
          chainName('audit', id),
          counterName('enforce', ruleKey(id)),
        ]) {
          expect(name).toMatch(names)
        }
      }),
    )
  })

  test('whatever ids say, each command is one line of known characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), id => {
        const sets = [selector(id, '10.0.0.1')]
        const chains = [chain(id, [[rule(0, { peers: [id] }), isolation]])]
        const attachments = [attachment('a', { enforce: { ingress: id } })]
        for (const { text } of createRuleset(table({ sets, chains, attachments }), 1).rebuild()) {
          expect(text).toMatch(/^[\w .:;,{}()@"&|=!/-]+$/)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('an address is written anew from its number, or refused', () => {
    const of = (address: string) => () =>
      createRuleset(table({ attachments: [attachment('a', { addresses: [address] })] }), 1)
    expect(of('10.0.0.1 }; flush ruleset; {')).toThrow(TypeError)
    expect(of('FD00::0:1')).not.toThrow()
  })
})

test.each([
  ['sekisho:deny:abc', { kind: 'rule', role: 'enforce', key: 'abc' }],
  ['sekisho:audit:abc', { kind: 'rule', role: 'audit', key: 'abc' }],
  ['sekisho:spoof', { kind: 'spoof' }],
  ['somebody else', undefined],
])('the prefix %s', (prefix, reason) => expect(parsePrefix(prefix)).toEqual(reason))
