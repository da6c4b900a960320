import { describe, expect, test } from 'vitest'
import type { Reading } from '../src/index.ts'
import { dns } from '../src/protocols/dns/dns.ts'
import { llmnr } from '../src/protocols/llmnr/llmnr.ts'
import { mdns } from '../src/protocols/mdns/mdns.ts'
import { netbios } from '../src/protocols/netbios/netbios.ts'
import { byteByByte, opening, readingsOf } from './conversation.ts'

const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 255)
const name = (text: string): string =>
  `${
    text === ''
      ? ''
      : text
          .split('.')
          .map(label => String.fromCharCode(label.length) + label)
          .join('')
  }\0`
const TYPES = { A: 1, CNAME: 5, MX: 15, AAAA: 28, SVCB: 64, HTTPS: 65, OPT: 41, ANY: 255 } as const
const question = (of: string, type: keyof typeof TYPES = 'A'): string => name(of) + u16(TYPES[type]) + u16(1)
const record = (of: string, type: keyof typeof TYPES, ttl: number, data: string): string =>
  `${name(of)}${u16(TYPES[type])}${u16(1)}\0\0${u16(ttl)}${u16(data.length)}${data}`
const message = (of: {
  flags?: number
  id?: number
  questions?: string[]
  answers?: string[]
  others?: string[]
}): string => {
  const { flags = 0x0100, id = 7, questions = [], answers = [], others = [] } = of
  const counts = [questions.length, answers.length, 0, others.length].map(u16).join('')
  return u16(id) + u16(flags) + counts + [...questions, ...answers, ...others].join('')
}
const query = (of: string, type: keyof typeof TYPES = 'A'): string =>
  message({ questions: [question(of, type)] })
const answer = (of: string, answers: string[], type: keyof typeof TYPES = 'A'): string =>
  message({ flags: 0x8180, questions: [question(of, type)], answers })
const ADDRESS = '\xc0\0\x02\x01'
const framed = (text: string): string => u16(text.length) + text

const reasons = (readings: readonly Reading[]): string[] =>
  readings.flatMap(reading =>
    reading.kind === 'unreadable' ? [reading.reason.replace(/ at byte \d+$/, '')] : [],
  )
const names = (readings: readonly Reading[]): unknown[] =>
  readings.flatMap(reading =>
    reading.kind === 'names' ? reading.names.map(({ ip, ttl }) => `${ip} ${ttl}`) : [],
  )

describe('dns', () => {
  test.each([
    ['a question', query('a.example'), '', 'certain'],
    ['an answer', '', answer('a.example', [record('a.example', 'A', 60, ADDRESS)]), 'certain'],
    [
      'an answer of an error without its question',
      '',
      message({ flags: 0x8181, others: [record('', 'OPT', 0, '')] }),
      'likely',
    ],
    ['silence', '', '', 'more'],
    ['a short datagram', 'short', '', 'no'],
    ['a set reserved bit', message({ flags: 0x0140, questions: [question('a.example')] }), '', 'no'],
    ['two questions', message({ questions: [question('a'), question('b')] }), '', 'no'],
    [
      'a name below local without an id',
      message({ id: 0, flags: 0, questions: [question('a.local')] }),
      '',
      'no',
    ],
    ['a question and something else', query('a.example'), 'SSH-2.0-server', 'no'],
    ['a long text', 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n', '', 'no'],
  ])('is recognised by %s', (_, client, server, kind) => {
    expect(dns.recognise(opening({ transport: 'UDP', client, server }))).toMatchObject({ kind })
  })

  test('is recognised over TCP, whole or not', () => {
    const whole = framed(query('a.example'))
    for (let length = 0; length <= whole.length; length++) {
      const { kind } = dns.recognise(opening({ client: whole.slice(0, length) }))
      expect(kind).toBe(length === whole.length ? 'certain' : 'more')
    }
    expect(dns.recognise(opening({ client: 'SSH-2.0-OpenSSH_9.2p1\r\n' }))).toEqual({ kind: 'no' })
  })

  test('a question and its answer over aliases', () => {
    const said = [
      ['client', query('Shop.Example')],
      [
        'server',
        answer('Shop.Example', [
          record('cdn.example', 'A', 300, ADDRESS),
          record('shop.example', 'CNAME', 30, name('www.shop.example')),
          record('WWW.shop.example', 'CNAME', 60, name('cdn.example')),
          record('cdn.example', 'A', 20, '\xc0\0\x02\x02'),
          record('bank.example', 'A', 60, '\xc6\x33\x64\x01'),
        ]),
      ],
    ] as const
    const expected = [
      { kind: 'request', request: { kind: 'dns', name: 'shop.example', type: 'A' } },
      {
        kind: 'names',
        names: [
          { name: 'shop.example', ip: '192.0.2.1', ttl: 30 },
          { name: 'shop.example', ip: '192.0.2.2', ttl: 20 },
        ],
      },
      {
        kind: 'detail',
        detail: 'dns-answer',
        value: '192.0.2.1 www.shop.example cdn.example 192.0.2.2 198.51.100.1',
      },
      { kind: 'detail', detail: 'status', value: 'NOERROR' },
    ]
    expect(readingsOf(dns, said, 'UDP')).toEqual(expected)
    const overTcp = said.map(([side, text]) => [side, framed(text)] as const)
    expect(readingsOf(dns, overTcp)).toEqual(expected)
    expect(readingsOf(dns, byteByByte(overTcp))).toEqual(expected)
  })

  test.each([
    ['IPv6', 'AAAA', [record('a', 'AAAA', 9, `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01`)], ['2001:db8::1 9']],
    [
      'hints of a service',
      'HTTPS',
      [record('a', 'HTTPS', 9, `\0\x01\0\0\x04\0\x08${ADDRESS}${ADDRESS}`)],
      ['192.0.2.1 9', '192.0.2.1 9'],
    ],
    [
      'an alias of a service',
      'HTTPS',
      [record('a', 'HTTPS', 9, `\0\0${name('b')}`), record('b', 'A', 5, ADDRESS)],
      ['192.0.2.1 5'],
    ],
    [
      'aliases in a circle',
      'A',
      [record('a', 'CNAME', 9, name('b')), record('b', 'CNAME', 9, name('a'))],
      [],
    ],
    ['a record of another name', 'A', [record('b', 'A', 9, ADDRESS)], []],
    ['a question for mail', 'MX', [record('a', 'A', 9, ADDRESS)], []],
    ['no answer', 'A', [], []],
  ] as const)('addresses of %s', (_, type, answers, expected) => {
    const said = [
      ['client', query('a', type)],
      ['server', answer('a', [...answers], type)],
    ] as const
    expect(names(readingsOf(dns, said, 'UDP'))).toEqual(expected)
  })

  test('a name that does not exist names no address', () => {
    const said = [
      ['client', query('a')],
      [
        'server',
        message({ flags: 0x8183, questions: [question('a')], answers: [record('a', 'A', 9, ADDRESS)] }),
      ],
    ] as const
    const readings = readingsOf(dns, said, 'UDP')
    expect(names(readings)).toEqual([])
    expect(readings.at(-1)).toEqual({ kind: 'detail', detail: 'status', value: 'NXDOMAIN' })
  })

  test.each([
    ['another id', message({ id: 8, flags: 0x8180, questions: [question('a')] })],
    ['another name', answer('b', [])],
    ['another type', answer('a', [], 'AAAA')],
    ['another id and no question', message({ id: 8, flags: 0x8181 })],
  ])('an answer with %s is refused', (_, text) => {
    expect(
      reasons(
        readingsOf(
          dns,
          [
            ['client', query('a')],
            ['server', text],
          ],
          'UDP',
        ),
      ),
    ).toEqual(['answer to no question'])
  })

  test('an answer of the one who asked is none', () => {
    expect(
      reasons(
        readingsOf(
          dns,
          [
            ['client', query('a')],
            ['client', answer('a', [])],
          ],
          'UDP',
        ),
      ),
    ).toEqual(['answer to no question'])
  })

  test('a question is forgotten after hundreds of others', () => {
    const others = Array.from({ length: 300 }, (_, i) => ['client', query(`n${i}`)] as const)
    const said = [['client', query('a')], ...others, ['server', answer('a', [])]] as const
    expect(reasons(readingsOf(dns, said, 'UDP'))).toEqual(['answer to no question'])
  })

  test('names are shown so that no byte looks like another', () => {
    const odd = `\x0bevil.sister\x07example\0${u16(1)}${u16(1)}`
    expect(readingsOf(dns, [['client', message({ questions: [odd] })]], 'UDP')).toEqual([
      { kind: 'request', request: { kind: 'dns', name: 'evil\\046sister.example', type: 'A' } },
    ])
  })

  test('an update names its zone', () => {
    expect(
      readingsOf(dns, [['client', message({ flags: 0x2800, questions: [question('a.example')] })]], 'UDP'),
    ).toEqual([
      { kind: 'detail', detail: 'command', value: 'UPDATE' },
      { kind: 'request', request: { kind: 'dns', name: 'a.example', type: 'A' } },
    ])
  })

  const raw = (questionName: string): string =>
    `${u16(7)}${u16(0x0100)}${u16(1)}${u16(0)}${u16(0)}${u16(0)}${questionName}`
  test.each([
    ['a pointer to itself', raw('\xc0\x0c\0\x01\0\x01'), 'pointer that does not lead back'],
    ['a pointer forwards', raw('\xc0\x20\0\x01\0\x01'), 'pointer that does not lead back'],
    ['a loop of two', raw('\x01a\xc0\x0c\0\x01\0\x01'), 'pointer that does not lead back'],
    ['a label of no kind', raw('\x80a\0\0\x01\0\x01'), 'label of no known kind'],
    [
      'a name too long',
      raw(`${`\x3f${'a'.repeat(63)}`.repeat(4)}\0\0\x01\0\x01`),
      'name longer than is allowed',
    ],
    ['a name cut short', raw('\x05ab'), 'name cut short'],
    ['a question cut short', raw('\x01a\0\0'), 'message cut short'],
    ['bytes after the message', `${query('a')}x`, 'bytes after the message'],
    ['no question', message({}), 'not one question'],
    ['two questions', message({ questions: [question('a'), question('b')] }), 'not one question'],
    [
      'many records',
      `${u16(7)}${u16(0x0100)}${u16(0)}${u16(65_535)}${u16(0)}${u16(0)}`,
      'more records than are read',
    ],
  ])('%s is refused', (_, client, reason) => {
    expect(reasons(readingsOf(dns, [['client', client]], 'UDP'))).toEqual([reason])
    expect(reasons(readingsOf(dns, byteByByte([['client', framed(client)]])))).toEqual([reason])
  })

  test('a message cut anywhere is refused', () => {
    const whole = message({ questions: [question('a.example')], others: [record('', 'OPT', 0, '')] })
    for (let length = 0; length < whole.length; length++)
      expect(reasons(readingsOf(dns, [['client', whole.slice(0, length)]], 'UDP'))).toHaveLength(1)
  })
})

describe('mdns', () => {
  const asked = message({
    id: 0,
    flags: 0,
    questions: [question('_http._tcp.local'), question('b.local', 'AAAA')],
  })
  const told = message({ id: 0, flags: 0x8400, answers: [record('b.local', 'A', 60, ADDRESS)] })

  test.each([
    ['a question', asked, 'certain'],
    ['an announcement', told, 'certain'],
    ['a question with an id', query('a.local'), 'no'],
    ['a question of DNS', query('a.example'), 'no'],
  ])('is recognised by %s', (_, client, kind) => {
    expect(mdns.recognise(opening({ transport: 'UDP', client }))).toMatchObject({ kind })
  })

  test('all questions are read, and answers name no addresses to rules', () => {
    expect(
      readingsOf(
        mdns,
        [
          ['client', asked],
          ['client', told],
        ],
        'UDP',
      ),
    ).toEqual([
      { kind: 'request', request: { kind: 'dns', name: '_http._tcp.local', type: 'A' } },
      { kind: 'request', request: { kind: 'dns', name: 'b.local', type: 'AAAA' } },
      { kind: 'detail', detail: 'dns-answer', value: '192.0.2.1' },
      { kind: 'detail', detail: 'status', value: 'NOERROR' },
    ])
  })
})

describe('llmnr', () => {
  test.each([
    ['a question for one label', message({ flags: 0, questions: [question('printer')] }), 'likely'],
    ['a name of two labels', message({ flags: 0, questions: [question('printer.example')] }), 'no'],
    ['a question that wants recursion', query('printer'), 'no'],
    [
      'a resolver that asks for a top-level domain',
      message({ flags: 0, questions: [question('com')], others: [record('', 'OPT', 0, '')] }),
      'no',
    ],
  ])('is recognised by %s, and DNS takes the others', (_, client, kind) => {
    expect(llmnr.recognise(opening({ transport: 'UDP', client }))).toMatchObject({ kind })
    expect(dns.recognise(opening({ transport: 'UDP', client })).kind === 'no').toBe(kind === 'likely')
  })

  test('questions are read', () => {
    const said = [['client', message({ flags: 0, questions: [question('printer')] })]] as const
    expect(readingsOf(llmnr, said, 'UDP')).toEqual([
      { kind: 'request', request: { kind: 'dns', name: 'printer', type: 'A' } },
    ])
  })
})

describe('netbios', () => {
  const wildcard = `\x20CK${'A'.repeat(30)}\0${u16(33)}${u16(1)}`
  test.each([
    ['a question', message({ flags: 0x0110, questions: [wildcard] }), 'certain'],
    ['a question of DNS', query('a.example'), 'no'],
  ])('is recognised by %s, and DNS leaves it alone', (_, client, kind) => {
    expect(netbios.recognise(opening({ transport: 'UDP', client }))).toMatchObject({ kind })
    expect(dns.recognise(opening({ transport: 'UDP', client })).kind === 'no').toBe(kind === 'certain')
  })
})
