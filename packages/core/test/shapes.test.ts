import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  delta,
  Malformed,
  parsePolicyId,
  parseRuleId,
  policyId,
  protocolName,
  protocolNumber,
  Reader,
  ruleId,
  VERSION,
} from '../src/index.ts'

describe('ids', () => {
  test('rule ids are read back', () => {
    const policy = policyId('NetworkPolicy', 'shop', 'web')
    expect(parseRuleId(ruleId(policy, 'ingress', 3))).toMatchObject({
      policy,
      direction: 'ingress',
      index: 3,
    })
    expect(parseRuleId(ruleId(policy, 'egress'))).toMatchObject({
      namespace: 'shop',
      name: 'web',
      index: undefined,
    })
    expect(parsePolicyId('ClusterSecurityPolicy//all')).toEqual({
      kind: 'ClusterSecurityPolicy',
      namespace: '',
      name: 'all',
    })
  })
  test.each(['', 'a/b', 'a/b/c/d', '/b/c', 'a/b/c#sideways', 'a/b/c#ingress[x]'])('%j is no rule id', text =>
    expect(parseRuleId(text)).toBeUndefined(),
  )
})

test('protocols go by name and by number', () => {
  for (let number = 0; number < 256; number++) expect(protocolNumber(protocolName(number))).toBe(number)
})

test('delta says what is new, different and gone, and nothing else', () => {
  const map = fc
    .dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(2))
    .map(record => new Map(Object.entries(record)))
  fc.assert(
    fc.property(map, map, (desired, actual) => {
      const { added, changed, removed } = delta(desired, actual, Object.is)
      const result = new Map([...actual, ...added, ...changed])
      for (const key of removed) result.delete(key)
      expect(Object.fromEntries(result)).toEqual(Object.fromEntries(desired))
      for (const key of changed.keys()) expect(actual.get(key)).not.toBe(desired.get(key))
    }),
  )
})

describe('the bounded reader', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  test('reads in both byte orders', () => {
    const reader = new Reader(bytes)
    expect([reader.u8(), reader.u16be(), reader.u16le(), reader.left]).toEqual([1, 0x0203, 0x0504, 3])
  })
  test.each<[string, (reader: Reader) => unknown]>([
    ['u64 of seven bytes', reader => reader.sub(7).u64be()],
    ['bytes past the end', reader => reader.bytes(9)],
    ['a negative count', reader => reader.bytes(-1)],
    ['a fraction', reader => reader.skip(0.5)],
    ['an inner length that leaves its bounds', reader => reader.sub(2).u32be()],
  ])('%s is refused, not clamped', (_name, read) => expect(() => read(new Reader(bytes))).toThrow(Malformed))
})

test('the version is the package’s', () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
    version: string
  }
  expect(VERSION).toBe(manifest.version)
})
