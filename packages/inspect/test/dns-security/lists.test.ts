import { LIMITS } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DomainIndexBuilder } from '../../src/dns-security/lists/domain-index.ts'
import type { ListEntry } from '../../src/dns-security/lists/entry.ts'
import { readList } from '../../src/dns-security/lists/read-list.ts'

const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 300)

function entriesOf(text: string): readonly string[] {
  const entries: string[] = []
  const { problems } = readList(text, ({ name, scope, isException }) =>
    entries.push(`${isException ? '!' : ''}${name} ${scope}`),
  )
  return [...entries, ...problems.map(({ line, reason }) => `${line}: ${reason}`)]
}

describe('a list', () => {
  test.each([
    ['a name', 'Evil.Example.', ['evil.example both']],
    ['a name and a comment', 'evil.example # since May', ['evil.example both']],
    ['names below', '*.evil.example', ['evil.example below']],
    ['names with a dot in front', '.evil.example', ['evil.example both']],
    ['comments and nothing', '# a\n! b\n; c\n[Adblock Plus]\n\n', []],
    ['another script', 'bücher.example', ['xn--bcher-kva.example both']],
    ['a byte order mark', '\u{feff}evil.example', ['evil.example both']],
    ['Windows', 'a.example\r\nb.example\r\n', ['a.example both', 'b.example both']],
    ['hosts', '0.0.0.0 a.example b.example # both', ['a.example both', 'b.example both']],
    ['hosts of the machine', '127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 0.0.0.0', []],
    [
      'AdBlock',
      '||evil.example^\n||evil2.example^$third-party,important',
      ['evil.example both', 'evil2.example both'],
    ],
    ['an exception of AdBlock', '@@||good.evil.example^', ['!good.evil.example both']],
    [
      'a policy zone',
      '$TTL 300\n@ IN SOA ns. me. (\n 1 2\n 3 4 5 )\n NS ns.\nevil.example 60 IN CNAME .',
      ['evil.example exact'],
    ],
    ['names below in a zone', '*.evil.example CNAME .', ['evil.example below']],
    ['an exception of a zone', 'good.example CNAME rpz-passthru.', ['!good.example exact']],
    ['a name that leads to itself', 'good.example CNAME good.example.', ['!good.example exact']],
    ['an answer of a zone', 'evil.example A 192.0.2.1', ['evil.example exact']],
    ['a zone with its origin', '$ORIGIN rpz.corp.\nevil.example.rpz.corp. CNAME .', ['evil.example exact']],
    ['an address', 'a.example\n192.0.2.1', ['a.example both', '2: is an address, not a name']],
    ['half an address', '1.2.3', ['1: is an address, not a name']],
    ['a top-level domain', 'com', ['1: is about a whole top-level domain']],
    ['a top-level domain that is meant', '*.zip', ['zip below']],
    ['a path', 'evil.example/path', ['1: is no domain name']],
    ['a path of AdBlock', '||evil.example/path^', ['1: is about pages or paths, not names']],
    ['a page of AdBlock', 'evil.example##.advert', ['1: is about pages or paths, not names']],
    [
      'an option of AdBlock',
      '||evil.example^$script',
      ['1: has the option "script", which is not one of names'],
    ],
    ['a trigger by address', '32.1.2.0.192.rpz-ip CNAME .', ['1: is triggered by an address, not by a name']],
    ['an unknown record', 'evil.example HINFO x y', ['1: is no record of a policy zone']],
    ['a record without target', 'evil.example CNAME', ['1: has no target']],
    ['an unknown directive', '$INCLUDE file', ['1: is a directive that is not known']],
    ['a long line', 'a'.repeat(LIMITS.listLine.value + 1), ['1: is too long']],
    ['letters that are none', 'a\u{202e}b.example', ['1: is no domain name']],
  ])('%s', (_, text, expected) => expect(entriesOf(text)).toEqual(expected))

  test('tells how many lines are wrong, and the first of them', () => {
    const { refused, problems, entries } = readList('a b c\n'.repeat(1_000), () => undefined)
    expect([refused, problems.length, entries]).toEqual([1_000, LIMITS.problemsPerFile.value, 0])
  })

  const tokens = [
    '||',
    '@@',
    '^',
    '$',
    '*.',
    '.',
    ' ',
    '\n',
    'CNAME',
    '(',
    ')',
    '$ORIGIN',
    'a.b',
    '0.0.0.0',
    '#',
    '\u{ff0e}',
    'xn--',
  ]
  test('any text gives entries or reasons', () => {
    const text = fc.array(
      fc.oneof(fc.constantFrom(...tokens), fc.string({ maxLength: 12, unit: 'binary' })),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(text, parts => {
        readList(parts.join(''), ({ name }) => expect(name).toMatch(/^[a-z0-9_.-]{1,253}$/))
      }),
      { numRuns },
    )
  })
})

type Lists = Readonly<Record<string, readonly ListEntry[]>>
function indexOf(lists: Lists) {
  const builder = new DomainIndexBuilder()
  for (const [list, entries] of Object.entries(lists)) {
    const add = builder.list(list)
    for (const entry of entries) add(entry)
  }
  return builder.build()
}

/** The same in the plainest words: for each list the longest entry that is about the name decides. */
function expectedOf(lists: Lists, name: string): readonly string[] {
  return Object.entries(lists).flatMap(([list, entries]) => {
    const about = entries.filter(entry =>
      entry.name === name
        ? entry.scope !== 'below'
        : name.endsWith(`.${entry.name}`) && entry.scope !== 'exact',
    )
    const longest = Math.max(...about.map(entry => entry.name.length))
    const deciding = about.filter(entry => entry.name.length === longest)
    const [first] = deciding
    return first === undefined || deciding.some(({ isException }) => isException)
      ? []
      : [`${list} ${first.name}`]
  })
}

describe('an index', () => {
  const label = fc.constantFrom('a', 'b', 'c')
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => labels.join('.'))
  const entry = fc.record({
    name,
    scope: fc.constantFrom('exact', 'below', 'both' as const),
    isException: fc.boolean(),
  })
  const lists = fc.record({ one: fc.array(entry, { maxLength: 8 }), two: fc.array(entry, { maxLength: 8 }) })

  test('finds what the lists say, and nothing else', () => {
    fc.assert(
      fc.property(lists, name, (given, asked) => {
        const found = indexOf(given)
          .match(asked)
          .map(({ list, domain }) => `${list} ${domain}`)
        expect(found.toSorted()).toEqual(expectedOf(given, asked))
      }),
      { numRuns: numRuns * 3 },
    )
  })

  test('is the same in whatever order names came, and holds each once', () => {
    const entries = Array.from(
      { length: 5_000 },
      (_, i) => ({ name: `n${i}.example`, scope: 'both', isException: false }) as const,
    )
    const [forth, back] = [indexOf({ one: entries }), indexOf({ one: [...entries, ...entries.toReversed()] })]
    expect(back.size).toBe(5_000)
    expect(back.bytes).toBe(forth.bytes)
    for (const { name: listed } of entries)
      expect(back.match(`www.${listed}`)).toEqual([{ list: 'one', domain: listed }])
    for (let i = 5_000; i < 10_000; i++) expect(back.match(`n${i}.example`)).toEqual([])
  })

  test('a name that only ends alike is not below', () => {
    expect(
      indexOf({ one: [{ name: 'evil.example', scope: 'both', isException: false }] }).match(
        'notevil.example',
      ),
    ).toEqual([])
  })

  test('refuses more lists than it can tell apart', () => {
    const builder = new DomainIndexBuilder()
    for (let i = 0; i < 512; i++) builder.list(`l${i}`)
    expect(() => builder.list('one more')).toThrow(RangeError)
  })
})
