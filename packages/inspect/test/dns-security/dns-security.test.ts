import { DEFAULT_DNS_PROFILE, type DnsProfile, type EpochMs } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type DnsFinding,
  type DnsMessage,
  DnsSecurity,
  DomainIndexBuilder,
  dnsSentence,
  readList,
  SeenNames,
} from '../../src/dns-security/index.ts'
import { parseMessage } from '../../src/protocols/dns/message.ts'
import { type MessageSpec, message, type RecordSpec, type TypeWord, wireName } from './wire.ts'

const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 300)
const at = (ms: number): EpochMs => (1_700_000_000_000 + ms) as EpochMs
const ENDS = { client: '10.1.0.5', clientPort: 40_000, resolver: '10.96.0.10' }

function said(spec: MessageSpec, more: Partial<DnsMessage> = {}): DnsMessage {
  const bytes = message(spec)
  return { ...ENDS, message: parseMessage(bytes), bytes: bytes.length, at: at(0), ...more }
}
const answerOf = (spec: MessageSpec, more: Partial<DnsMessage> = {}): DnsMessage =>
  said({ flags: 0x8180, ...spec }, more)
const a = (name: string, ...address: number[]): RecordSpec => ({ name, type: 'a', data: address })
const alias = (name: string, target: string): RecordSpec => ({ name, type: 'cname', data: wireName(target) })

const securityOf = (profile: Partial<DnsProfile> = {}, shared = {}): DnsSecurity =>
  new DnsSecurity({ ...DEFAULT_DNS_PROFILE, ...profile }, shared)

/** What is found in the answer to a question that was asked. */
function foundIn(spec: MessageSpec, profile: Partial<DnsProfile> = {}): readonly DnsFinding[] {
  const security = securityOf(profile)
  security.query(said({ id: spec.id ?? 7, name: spec.name ?? 'www.example.com', type: spec.type ?? 'a' }))
  return security.answer(answerOf(spec)).findings
}

describe('resolvers', () => {
  const profile = { resolvers: { action: 'deny', blocks: ['10.96.0.10/32', 'fd00::/64'] } } as const
  test.each([
    ['10.96.0.10', 'allow'],
    ['fd00::53', 'allow'],
    ['8.8.8.8', 'deny'],
    ['2001:4860:4860::8888', 'deny'],
  ])('%s: %s', (resolver, action) => {
    expect(securityOf(profile).query(said({}, { resolver })).action).toBe(action)
  })
  test('without any configured, all may be asked', () => {
    expect(securityOf().query(said({}, { resolver: '8.8.8.8' })).findings).toEqual([])
  })
})

describe('answers', () => {
  const answer = { answers: [a('www.example.com', 192, 0, 2, 1)] }

  test('the one that was asked for passes, once and again', () => {
    const security = securityOf()
    security.query(said({}))
    expect(security.answer(answerOf(answer)).findings).toEqual([])
    expect(security.answer(answerOf(answer)).findings).toEqual([])
  })

  test.each<[string, MessageSpec, Partial<DnsMessage>]>([
    ['number', { id: 8 }, {}],
    ['name', { name: 'other.example.com' }, {}],
    ['type', { type: 'aaaa' }, {}],
    ['port', {}, { clientPort: 40_001 }],
    ['resolver', {}, { resolver: '10.96.0.11' }],
    ['time', {}, { at: at(31_000) }],
  ])('another %s answers no question', (_, spec, more) => {
    const security = securityOf()
    security.query(said({}))
    expect(security.answer(answerOf(spec, more)).findings).toMatchObject([{ check: 'unasked-answer' }])
  })

  test('a second answer that says something else is told with both', () => {
    const security = securityOf()
    security.query(said({}))
    security.answer(answerOf({ answers: [a('www.example.com', 203, 0, 113, 9)] }))
    expect(security.answer(answerOf(answer)).findings).toEqual([
      { check: 'changed-answer', name: 'www.example.com', before: '203.0.113.9', now: '192.0.2.1' },
    ])
  })

  test('who asks twice may be answered twice, and differently', () => {
    const security = securityOf()
    security.query(said({}))
    security.query(said({}, { at: at(5_000) }))
    security.answer(answerOf(answer, { at: at(5_000) }))
    const other = { answers: [a('www.example.com', 192, 0, 2, 2)] }
    expect(security.answer(answerOf(other, { at: at(5_000) })).findings).toEqual([])
    expect(security.answer(answerOf(answer, { at: at(5_000) })).findings).toMatchObject([
      { check: 'changed-answer' },
    ])
  })

  test('shuffled records say the same', () => {
    const security = securityOf()
    const [one, two] = [a('www.example.com', 192, 0, 2, 1), a('www.example.com', 192, 0, 2, 2)]
    security.query(said({}))
    security.answer(answerOf({ answers: [one, two] }))
    expect(security.answer(answerOf({ answers: [two, one] })).findings).toEqual([])
  })
})

describe('records', () => {
  const ns = (name: string, target: string): RecordSpec => ({ name, type: 'ns', data: wireName(target) })
  test.each<[string, MessageSpec, string | undefined]>([
    ['the asked name', { answers: [a('www.example.com', 192, 0, 2, 1)] }, undefined],
    [
      'aliases in any order',
      {
        answers: [
          a('cdn.test', 192, 0, 2, 1),
          alias('x.test', 'cdn.test'),
          alias('www.example.com', 'x.test'),
        ],
      },
      undefined,
    ],
    [
      'another name',
      { answers: [a('www.example.com', 192, 0, 2, 1), a('bank.test', 192, 0, 2, 6)] },
      'bank.test',
    ],
    ['a domain above as another answer', { answers: [a('example.com', 192, 0, 2, 1)] }, 'example.com'],
    [
      'an alias of a whole domain',
      {
        answers: [
          { name: 'example.com', type: 'dname', data: wireName('example.net') },
          alias('www.example.com', 'www.example.net'),
          a('www.example.net', 192, 0, 2, 1),
        ],
      },
      undefined,
    ],
    [
      'the zone above',
      { authority: [ns('example.com', 'ns.test')], additional: [a('ns.test', 192, 0, 2, 3)] },
      undefined,
    ],
    ['the root', { authority: [ns('', 'a.root.test')] }, undefined],
    ['a zone elsewhere', { authority: [ns('bank.test', 'ns.evil.test')] }, 'bank.test'],
    ['an address that nobody needs', { additional: [a('bank.test', 192, 0, 2, 6)] }, 'bank.test'],
    ['EDNS', { additional: [{ name: '', type: 'opt', data: [] }] }, undefined],
  ])('%s', (_, spec, owner) => {
    const found = foundIn(spec).filter(({ check }) => check === 'foreign-record')
    expect(found).toEqual(
      owner === undefined ? [] : [{ check: 'foreign-record', name: 'www.example.com', owner }],
    )
  })
})

describe('rebinding', () => {
  const aaaa = (...tail: number[]): RecordSpec => ({
    name: 'www.example.com',
    type: 'aaaa',
    data: [...tail.slice(0, tail.length - 4), ...Array<number>(16 - tail.length).fill(0), ...tail.slice(-4)],
  })
  test.each<[string, RecordSpec, string | undefined]>([
    ['a public address', a('www.example.com', 93, 184, 216, 34), undefined],
    ['a private address', a('www.example.com', 10, 0, 0, 1), '10.0.0.1'],
    ['this machine', a('www.example.com', 127, 0, 0, 1), '127.0.0.1'],
    ['any address of this machine', a('www.example.com', 0, 0, 0, 0), '0.0.0.0'],
    ['the metadata of a cloud', a('www.example.com', 169, 254, 169, 254), '169.254.169.254'],
    ['the loopback of IPv6', aaaa(0, 0, 0, 1), '::1'],
    ['a unique local address', aaaa(0xfd, 0, 0, 0, 0, 1), 'fd00::1'],
    ['an IPv4 address in IPv6', aaaa(0, 100, 0xff, 0x9b, 10, 0, 0, 1), '64:ff9b::a00:1'],
    ['a global address', aaaa(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1), undefined],
  ])('%s', (_, record, address) => {
    const type: TypeWord = record.type
    const found = foundIn({ type, answers: [record] })
    expect(found).toEqual(
      address === undefined ? [] : [{ check: 'rebinding', name: 'www.example.com', address }],
    )
  })

  const inside = [a('www.example.com', 10, 0, 0, 1)]
  const rebinding = { action: 'deny', names: [], blocks: [] } as const
  test.each<[string, Partial<DnsProfile>]>([
    ['a name that may', { rebinding: { ...rebinding, names: ['*.example.com'] } }],
    ['a block that is no secret', { rebinding: { ...rebinding, blocks: ['10.0.0.0/8'] } }],
    ['a zone of one’s own', { zones: ['example.com'] }],
    ['a name that nobody checks', { allow: ['www.example.com'] }],
  ])('%s leads there', (_, profile) => expect(foundIn({ answers: inside }, profile)).toEqual([]))
})

describe('tunnels', () => {
  /** Whatever bytes, as hexadecimal digits: the same every time. */
  const digits = (from: number, length: number): string =>
    Array.from({ length }, (_, i) => (Math.imul(from * 31 + i + 1, 2_654_435_761) >>> 28).toString(16)).join(
      '',
    )
  const ask = (security: DnsSecurity, names: readonly string[], type: TypeWord = 'a', stepMs = 100) =>
    names.map((name, i) => security.query(said({ name, type, id: i & 0xffff }, { at: at(i * stepMs) })))
  const isFound = (judgements: ReturnType<typeof ask>): boolean =>
    judgements.some(({ findings }) => findings.some(({ check }) => check === 'tunnel'))
  const many = (count: number, name: (i: number) => string): readonly string[] =>
    Array.from({ length: count }, (_, i) => name(i))

  test.each<[string, readonly string[], TypeWord]>([
    ['names of a tunnel', many(40, i => `${digits(i, 60)}.${digits(i + 99, 40)}.evil.test`), 'txt'],
    ['the same in questions for addresses', many(60, i => `${digits(i, 50)}.evil.test`), 'a'],
  ])('%s are found, with the numbers', (_, names, type) => {
    const judgements = ask(securityOf(), names, type)
    expect(isFound(judgements)).toBe(true)
    const last = judgements.at(-1)?.findings.find(({ check }) => check === 'tunnel')
    expect(last).toMatchObject({ domain: 'evil.test', evidence: { queries: names.length, seconds: 60 } })
  })

  test.each<[string, readonly string[]]>([
    ['one page', many(30, i => `img${i}.cdn.example.com`)],
    ['the same long name', many(500, () => `${digits(1, 60)}.example.com`)],
    ['services of a cluster', many(300, i => `${digits(i, 50)}.shop.svc.cluster.local`)],
    ['addresses', many(200, i => `${i}.2.0.192.in-addr.arpa`)],
    ['addresses of IPv6', many(200, i => `${digits(i, 32).split('').join('.')}.ip6.arpa`)],
    ['hashes of files', many(200, i => `${digits(i, 60)}.avqs.mcafee.com`)],
    ['senders of mail', many(200, i => `${i}.2.0.192.zen.spamhaus.org`)],
    ['machines of a cloud', many(60, i => `ip-10-0-${i}-${i}.eu-west-1.compute.example.com`)],
  ])('%s: none', (_, names) => expect(isFound(ask(securityOf(), names))).toBe(false))

  test('slowly is another matter than quickly', () => {
    const names = many(40, i => `${digits(i, 50)}.evil.test`)
    expect(isFound(ask(securityOf(), names, 'a', 10_000))).toBe(false)
  })

  test('large answers in types that carry data are found', () => {
    const security = securityOf()
    const data = Array<number>(240).fill(97)
    const judgements = many(40, i => `${i}.d.evil.test`).map((name, i) => {
      const judgement = security.query(said({ name, type: 'txt', id: i }, { at: at(i) }))
      security.answer(
        answerOf({ name, type: 'txt', id: i, answers: [{ name, type: 'txt', data }] }, { at: at(i) }),
      )
      return judgement
    })
    expect(isFound(judgements)).toBe(true)
  })

  test('once found, it is told on until nothing more of it comes', () => {
    const security = securityOf()
    ask(
      security,
      many(60, i => `${digits(i, 50)}.evil.test`),
    )
    const later = (ms: number) => security.query(said({ name: 'x.evil.test' }, { at: at(ms) })).findings
    expect(later(90_000)).toMatchObject([{ check: 'tunnel' }])
    expect(later(400_000)).toEqual([])
  })
})

describe('names', () => {
  const checks = (name: string, profile: Partial<DnsProfile> = {}): readonly string[] =>
    securityOf(profile)
      .query(said({ name }))
      .findings.map(({ check }) => check)

  test.each([
    ['xjqkvbzwtrpmlh.com', ['generated']],
    ['kq3v9x7zt2w8b5j1.net', ['generated']],
    ['xjqkvbzwtrpmlh.ddns.net', ['generated']],
    ['www.wikipedia.org', []],
    ['registry.kubernetes.io', []],
    ['d111111abcdef8.cloudfront.net', []],
    ['xjqkvbzwtrpmlh', []],
    ['xjqkvbzwtrpmlh.shop.svc.cluster.local', []],
    ['1.2.0.192.in-addr.arpa', []],
  ])('%s: %j', (name, expected) => expect(checks(name)).toEqual(expected))

  test('an allowed name is not judged', () => {
    expect(checks('xjqkvbzwtrpmlh.com', { allow: ['xjqkvbzwtrpmlh.com'] })).toEqual([])
  })

  const lookAlikes = { action: 'audit', names: ['example.com', 'www.sekisho-bank.co.jp'] } as const
  test.each([
    ['www.example.com', undefined],
    ['other.test', undefined],
    ['exarnple.com', 'letters'],
    ['examp1e.com', 'letters'],
    ['xn--exampl-8of.com', 'letters'],
    ['example.net', 'suffix'],
    ['exmple.com', 'one-letter'],
    ['exmaple.com', 'one-letter'],
    ['examplee.com', 'one-letter'],
    ['exambqe.com', undefined],
    ['example-login.test', 'part'],
    ['example.com.login.test', 'part'],
    ['sekisho-bank.test', 'suffix'],
    ['counterexample.com', undefined],
  ])('%s is like one of ours: %s', (name, how) => {
    const { findings } = securityOf({
      lookAlikes,
      generated: { ...DEFAULT_DNS_PROFILE.generated, action: 'allow' },
    }).query(said({ name }))
    expect(findings.map(each => (each.check === 'look-alike' ? each.how : each.check))).toEqual(
      how ? [how] : [],
    )
  })

  test('a new domain is told after it was learnt what is usual', () => {
    const seen = new SeenNames(at(0))
    const security = securityOf({ newNames: { action: 'audit', learnSeconds: 60 } }, { seen })
    const asked = (name: string, ms: number) => security.query(said({ name }, { at: at(ms) })).findings
    expect(asked('www.example.com', 0)).toEqual([])
    expect(asked('api.example.com', 61_000)).toEqual([])
    expect(asked('www.example.org', 61_000)).toEqual([
      { check: 'new-name', name: 'www.example.org', domain: 'example.org' },
    ])
    expect(asked('api.example.org', 62_000)).toEqual([])
  })

  test('lists act as their profile says, behind aliases too', () => {
    const builder = new DomainIndexBuilder()
    readList('evil.test', builder.list('malware'))
    readList('ads.test', builder.list('adverts'))
    const lists = [{ list: 'malware', action: 'sinkhole' }] as const
    const security = securityOf({ lists }, { lists: builder.build() })
    expect(security.query(said({ name: 'www.evil.test' }))).toEqual({
      action: 'sinkhole',
      findings: [{ check: 'listed', name: 'www.evil.test', domain: 'evil.test', list: 'malware' }],
    })
    expect(security.query(said({ name: 'www.ads.test' })).action).toBe('allow')
    security.query(said({}))
    const answers = [alias('www.example.com', 'c.evil.test'), a('c.evil.test', 192, 0, 2, 1)]
    expect(security.answer(answerOf({ answers })).findings).toMatchObject([
      { check: 'listed', name: 'c.evil.test' },
    ])
  })
})

describe('a row of names that do not exist', () => {
  const row = (names: readonly string[]): readonly DnsFinding[] => {
    const security = securityOf({ generated: { action: 'allow', burst: { action: 'audit', names: 10 } } })
    return names.flatMap((name, id) => {
      security.query(said({ name, id }))
      return security.answer(answerOf({ name, id, flags: 0x8183 })).findings
    })
  }
  const letters = (i: number): string =>
    Array.from({ length: 14 }, (_, at) => 'qxzjkvwbhfgpdtmc'[(i * 7 + at * at * 5 + at) % 16]).join('')

  test('that look generated', () => {
    const found = row(Array.from({ length: 12 }, (_, i) => `${letters(i)}.com`))
    expect(found[0]).toMatchObject({ check: 'generated-burst', names: 10, missing: 10 })
  })
  test('that are made of words', () => {
    const words = ['river', 'stone', 'house', 'garden', 'winter', 'summer', 'paper', 'silver']
    const found = row(words.flatMap(one => words.map(other => `${one}${other}.net`)))
    expect(found[0]).toMatchObject({ check: 'generated-burst', missing: 50 })
  })
  test('again and again the same, or a few, are nothing', () => {
    expect(row(Array.from({ length: 100 }, () => 'missing.example.com'))).toEqual([])
    expect(row(Array.from({ length: 9 }, (_, i) => `${letters(i)}.com`))).toEqual([])
  })
})

test('the strictest action counts, and what is allowed is not told', () => {
  const security = securityOf({
    resolvers: { action: 'deny', blocks: ['10.96.0.10/32'] },
    generated: { ...DEFAULT_DNS_PROFILE.generated, action: 'sinkhole' },
  })
  const elsewhere = said({ name: 'xjqkvbzwtrpmlh.com' }, { resolver: '8.8.8.8' })
  expect(security.query(elsewhere)).toMatchObject({
    action: 'deny',
    findings: [{ check: 'resolver' }, { check: 'generated' }],
  })
  expect(security.query(said({ name: 'xjqkvbzwtrpmlh.com' })).action).toBe('sinkhole')
  const quiet = securityOf({ generated: { action: 'allow', burst: { action: 'allow', names: 10 } } })
  expect(quiet.query(said({ name: 'xjqkvbzwtrpmlh.com' }))).toEqual({ action: 'allow', findings: [] })
})

test('every finding has a sentence in both languages', () => {
  const evidence = {
    queries: 9,
    names: 8,
    bytes: 700,
    bitsPerLetter: 3.9,
    carrying: 2,
    answerBytes: 80,
    seconds: 60,
  }
  const name = 'www.example.com'
  const all: readonly DnsFinding[] = [
    { check: 'resolver', resolver: '192.0.2.53', name },
    { check: 'unasked-answer', name },
    { check: 'changed-answer', name, before: '192.0.2.1', now: '192.0.2.2' },
    { check: 'foreign-record', name, owner: 'bank.test' },
    { check: 'rebinding', name, address: '10.0.0.1' },
    { check: 'tunnel', domain: 'evil.test', evidence },
    { check: 'generated', name, domain: 'example.com', score: 0.98765 },
    { check: 'generated-burst', names: 10, missing: 12, example: 'evil.test' },
    { check: 'look-alike', name, like: 'example.org', how: 'suffix' },
    { check: 'new-name', name, domain: 'example.com' },
    { check: 'listed', name, domain: 'example.com', list: 'malware' },
  ]
  for (const language of ['en', 'ja'] as const)
    expect(all.map(finding => dnsSentence(finding, language))).toMatchSnapshot(language)
})

describe('hostile messages', () => {
  const label = fc.constantFrom(
    'a',
    'www',
    'xn--',
    'xn--999999b',
    'x'.repeat(63),
    '\\000',
    '*',
    '-',
    '1',
    'com',
    'arpa',
  )
  const name = fc
    .array(label, { maxLength: 4 })
    .map(labels => labels.join('.'))
    .filter(text => text.length < 250)
  const record = fc.record({
    name,
    type: fc.constantFrom<TypeWord>('a', 'cname', 'dname', 'ns', 'txt', 'opt'),
    data: name.map(target => wireName(target.replaceAll('\\000', '?'))),
  })
  const spec = fc.record({
    id: fc.nat(3),
    flags: fc.constantFrom(0x0100, 0x8180, 0x8183),
    name,
    answers: fc.array(record, { maxLength: 4 }),
    authority: fc.array(record, { maxLength: 2 }),
    additional: fc.array(record, { maxLength: 2 }),
  })

  test('any row of messages is judged', () => {
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 12 }), specs => {
        const security = securityOf(
          { lookAlikes: { action: 'audit', names: ['example.com'] } },
          { seen: new SeenNames(at(0)) },
        )
        for (const each of specs) {
          const bytes = message(each)
          const read = (() => {
            try {
              return parseMessage(bytes)
            } catch {
              return undefined
            }
          })()
          if (!read) continue
          const given = { ...ENDS, message: read, bytes: bytes.length, at: at(0) }
          const { findings } = read.isAnswer ? security.answer(given) : security.query(given)
          for (const finding of findings) expect(dnsSentence(finding, 'en')).not.toContain('undefined')
        }
      }),
      { numRuns },
    )
  })
})
