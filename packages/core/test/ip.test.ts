import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  canonicalIp,
  contains,
  formatCidr,
  formatIp,
  type Ip,
  type IpRange,
  inRanges,
  mergeRanges,
  parseCidr,
  parseIp,
  subtractRanges,
} from '../src/index.ts'

describe('addresses', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // the first of two equal runs (RFC 5952 4.2.3)
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // a single zero group stays (4.2.2)
    ['::', '::'],
    ['1::', '1::'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is %s', (text, canonical) => expect(canonicalIp(text)).toBe(canonical))

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.01', // octal elsewhere: refused rather than read in two ways
    '10.0.0.1 ',
    '1::2::3',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    'fe80::1%eth0',
    '12345::',
    '::10.0.0.1.2',
    '10.0.0.1::2',
    '10.0.0.1:1::2',
    '::1:10.0.0.1:2',
    '::1g',
    '1'.repeat(4000),
  ])('%j is not an address', text => expect(parseIp(text)).toBeUndefined())

  test('what is formatted is parsed back', () => {
    const ip = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value): Ip => ({ family: 4, value })),
      fc.bigInt({ min: 2n ** 64n, max: 2n ** 128n - 1n }).map((value): Ip => ({ family: 6, value })),
    )
    fc.assert(
      fc.property(ip, value => {
        expect(parseIp(formatIp(value))).toEqual(value)
      }),
    )
  })

  test('any text is an address or is not, without a throw', () => {
    fc.assert(fc.property(fc.string(), text => void [parseIp(text), parseCidr(text)]))
  })
})

describe('blocks', () => {
  test.each([
    ['10.0.0.0/8', true],
    ['0.0.0.0/0', true],
    ['::/0', true],
    ['10.0.0.1/32', true],
    ['10.0.0.1/8', 'bits are set after the prefix; did you mean "10.0.0.0/8"?'],
    ['10.0.0.0', 'a prefix length is missing, for example "/24"'],
    ['10.0.0.0/33', 'the prefix length must be 0 to 32'],
    ['::/129', 'the prefix length must be 0 to 128'],
    ['10.0.0.0/08', 'the prefix length must be 0 to 32'],
    ['10.0.0/8', 'the address before "/" is not an IP address'],
  ])('%s', (text, expected) => {
    const result = parseCidr(text)
    if (expected === true) expect(result.ok && formatCidr(result.value)).toBe(text)
    else expect(result).toEqual({ ok: false, error: expected })
  })

  const small = fc
    .tuple(fc.constantFrom<4 | 6>(4, 6), fc.nat(60), fc.nat(8))
    .map(([family, first, size]): IpRange => ({ family, first: BigInt(first), last: BigInt(first + size) }))
  const every = ([4, 6] as const).flatMap(family =>
    Array.from({ length: 70 }, (_, value): Ip => ({ family, value: BigInt(value) })),
  )

  test('merging keeps membership, and looking up agrees with it', () => {
    fc.assert(
      fc.property(fc.array(small, { maxLength: 12 }), ranges => {
        const merged = mergeRanges(ranges)
        for (const ip of every) {
          const inside = ranges.some(range => contains(range, ip))
          expect(merged.some(range => contains(range, ip))).toBe(inside)
          expect(inRanges(merged, ip)).toBe(inside)
        }
      }),
    )
  })

  test('subtracting removes exactly the holes', () => {
    fc.assert(
      fc.property(small, fc.array(small, { maxLength: 6 }), (range, holes) => {
        const rest = subtractRanges(range, holes)
        for (const ip of every) {
          const inside = contains(range, ip) && !holes.some(hole => contains(hole, ip))
          expect(rest.some(part => contains(part, ip))).toBe(inside)
        }
      }),
    )
  })
})
