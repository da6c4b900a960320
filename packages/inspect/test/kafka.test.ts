import { describe, expect, test } from 'vitest'
import { APIS } from '../src/protocols/kafka/apis.ts'
import { kafka } from '../src/protocols/kafka/kafka.ts'
import { byteByByte, readingsOf } from './conversation.ts'

const be = (value: number, bytes: number): string =>
  Array.from({ length: bytes }, (_, i) => String.fromCharCode((value >> (8 * (bytes - 1 - i))) & 255)).join(
    '',
  )
const zeros = (count: number): string => '\0'.repeat(count)
/** Classic: a text, a list. Compact: lengths of one more in one byte. */
const text = (value: string): string => be(value.length, 2) + value
const list = (...elements: readonly string[]): string => be(elements.length, 4) + elements.join('')
const compact = (value: string): string => String.fromCharCode(value.length + 1) + value
const compactList = (...elements: readonly string[]): string =>
  String.fromCharCode(elements.length + 1) + elements.join('')
const NONE = '\xff\xff'
/** No tagged fields; one of three bytes. */
const TAGS = '\0'
const TAGGED = '\x01\x07\x03abc'

const request = (api: string, version: number, body: string): string => {
  const all = be(APIS.indexOf(api), 2) + be(version, 2) + be(7, 4) + text('shop') + body
  return be(all.length, 4) + all
}
const said = (...chunks: readonly string[]) => heard(chunks.map(chunk => ['client', chunk] as const))
const heard = (chunks: Parameters<typeof readingsOf>[1]) =>
  readingsOf(kafka, chunks).map(reading =>
    reading.kind === 'request' && reading.request.kind === 'kafka'
      ? [reading.request.api, ...reading.request.topics].join(' ')
      : reading.kind,
  )

const RECORDS = 'r'.repeat(300)
const compactRecords = `\xad\x02${RECORDS}`
const METADATA = request('Metadata', 1, list(text('orders')))

describe('kafka', () => {
  test('numbers of the requests', () => {
    expect([APIS[0], APIS[18], APIS[36], APIS[60], APIS[75], APIS[92]]).toEqual([
      'Produce',
      'ApiVersions',
      'SaslAuthenticate',
      'DescribeCluster',
      'DescribeTopicPartitions',
      'DeleteShareGroupOffsets',
    ])
  })

  test.each<[api: string, version: number, body: string, topics: string]>([
    [
      'Produce',
      2,
      zeros(6) + list(text('a') + list(be(0, 4) + be(RECORDS.length, 4) + RECORDS), text('b') + list()),
      'a b',
    ],
    ['Produce', 3, NONE + zeros(6) + list(text('a') + list(zeros(4) + be(-1, 4))), 'a'],
    [
      'Produce',
      9,
      `${TAGS}\0${zeros(6)}${compactList(
        compact('a') + compactList(zeros(4) + compactRecords + TAGGED) + TAGS,
        compact('b') + compactList() + TAGS,
      )}${TAGS}`,
      'a b',
    ],
    ['Fetch', 0, zeros(12) + list(text('a') + list(zeros(16))), 'a'],
    ['Fetch', 4, zeros(17) + list(text('a') + list(zeros(16))), 'a'],
    [
      'Fetch',
      11,
      zeros(25) + list(text('a') + list(zeros(28)), text('b') + list()) + list() + text('rack'),
      'a b',
    ],
    [
      'Fetch',
      12,
      TAGS +
        zeros(25) +
        compactList(compact('a') + compactList(zeros(32) + TAGS) + TAGS) +
        compactList() +
        TAGS,
      'a',
    ],
    ['ListOffsets', 0, zeros(4) + list(text('a') + list(zeros(16))), 'a'],
    ['ListOffsets', 5, zeros(5) + list(text('a') + list(zeros(16))), 'a'],
    [
      'ListOffsets',
      6,
      TAGS + zeros(5) + compactList(compact('a') + compactList(zeros(16) + TAGS) + TAGS),
      'a',
    ],
    ['Metadata', 0, list(text('a'), text('b'), text('a')), 'a b'],
    ['Metadata', 4, `${be(-1, 4)}\0`, ''],
    ['Metadata', 9, `${TAGGED}${compactList(compact('a') + TAGS)}\0\0\0${TAGS}`, 'a'],
    ['Metadata', 12, TAGS + compactList(zeros(16) + compact('a') + TAGS) + zeros(2) + TAGS, 'a'],
    ['OffsetCommit', 0, text('g') + list(text('a') + list(zeros(12) + NONE)), 'a'],
    ['OffsetCommit', 1, text('g') + zeros(4) + text('m') + list(text('a') + list(zeros(20) + NONE)), 'a'],
    [
      'OffsetCommit',
      2,
      text('g') + zeros(4) + text('m') + zeros(8) + list(text('a') + list(zeros(12) + NONE)),
      'a',
    ],
    [
      'OffsetCommit',
      8,
      `${TAGS + compact('g') + zeros(4) + compact('m')}\0${compactList(
        `${compact('a')}${compactList(`${zeros(16)}\0${TAGS}`)}${TAGS}`,
      )}`,
      'a',
    ],
    ['OffsetFetch', 1, text('g') + list(text('a') + list(zeros(4), zeros(4))), 'a'],
    ['OffsetFetch', 2, text('g') + be(-1, 4), ''],
    ['OffsetFetch', 6, TAGS + compact('g') + compactList(compact('a') + compactList(zeros(4)) + TAGS), 'a'],
    [
      'OffsetFetch',
      8,
      TAGS +
        compactList(
          ...['a', 'b'].map(
            name => `${compact('g')}${compactList(compact(name) + compactList() + TAGS)}${TAGS}`,
          ),
        ),
      'a b',
    ],
    [
      'CreateTopics',
      0,
      list(
        text('a') + zeros(6) + list(zeros(4) + list(zeros(4))) + list(text('k') + text('v')),
        text('b') + zeros(6) + list() + list(),
      ),
      'a b',
    ],
    [
      'CreateTopics',
      5,
      TAGS +
        compactList(compact('a') + zeros(6) + compactList() + compactList(`${compact('k')}\0${TAGS}`) + TAGS),
      'a',
    ],
    ['DeleteTopics', 1, list(text('a'), text('b')) + zeros(4), 'a b'],
    ['DeleteTopics', 4, TAGS + compactList(compact('a'), compact('b')) + zeros(4) + TAGS, 'a b'],
    ['DeleteTopics', 6, TAGS + compactList(compact('a') + zeros(16) + TAGS) + zeros(4) + TAGS, 'a'],
    ['DeleteRecords', 0, list(text('a') + list(zeros(12))), 'a'],
    ['OffsetForLeaderEpoch', 3, zeros(4) + list(text('a') + list(zeros(12))), 'a'],
    ['AddPartitionsToTxn', 0, text('t') + zeros(10) + list(text('a') + list(zeros(4))), 'a'],
    [
      'AddPartitionsToTxn',
      4,
      TAGS + compactList(compact('t') + zeros(11) + compactList(compact('a') + compactList() + TAGS) + TAGS),
      'a',
    ],
    ['TxnOffsetCommit', 0, text('t') + text('g') + zeros(10) + list(text('a') + list(zeros(12) + NONE)), 'a'],
    ['CreatePartitions', 0, list(text('a') + zeros(4) + list(list(zeros(4)))), 'a'],
    ['OffsetDelete', 0, text('g') + list(text('a') + list(zeros(4))), 'a'],
    ['DescribeTopicPartitions', 0, TAGS + compactList(compact('a') + TAGS), 'a'],
    ['ApiVersions', 3, TAGS + compact('sarama') + compact('1.0') + TAGS, ''],
    ['Heartbeat', 0, 'anything', ''],
  ])('%s %i', (api, version, body, topics) => {
    const all = request(api, version, body)
    const expected = [`${api} ${topics}`.trim(), 'Metadata orders']
    expect(said(all, METADATA)).toEqual(expected)
    expect(said(all + METADATA)).toEqual(expected)
    expect(heard(byteByByte([['client', all + METADATA]]))).toEqual(expected)
    expect(said(all.slice(0, 5), all.slice(5, 23), all.slice(23), METADATA)).toEqual(expected)
  })

  test('a request without the name of a client', () => {
    const body = be(APIS.indexOf('Heartbeat'), 2) + be(0, 2) + be(7, 4) + NONE
    expect(said(be(body.length, 4) + body)).toEqual(['Heartbeat'])
  })

  test('records are passed over and not held', () => {
    const length = 1_000_000
    const all = request(
      'Produce',
      2,
      zeros(6) + list(text('a') + list(zeros(4) + be(length, 4) + 'r'.repeat(length))),
    )
    const chunks = all.match(/.{1,10000}/gs) ?? []
    expect(said(...chunks, METADATA)).toEqual(['Produce a', 'Metadata orders'])
  })

  test('of answers nothing is read', () => expect(heard([['server', 'anything']])).toEqual([]))

  test.each([
    ['topics that are ids', request('Fetch', 13, TAGS + zeros(60))],
    [
      'a topic that is an id',
      request('Metadata', 12, `${TAGS + compactList(`${'u'.repeat(16)}\0${TAGS}`)}\0`),
    ],
    ['a version of the future', request('CreateTopics', 9, TAGS)],
    ['a request of the future', be(20, 4) + be(500, 2) + zeros(16)],
    ['tokens outside requests', request('SaslHandshake', 0, text('GSSAPI'))],
    ['no room for its header', be(4, 4) + zeros(10)],
    ['a request too long', be(0x7fff_ffff, 4) + zeros(10)],
    ['a client longer than the request', be(12, 4) + zeros(8) + be(100, 2) + zeros(8)],
    ['more topics than bytes', request('Metadata', 1, be(1_000, 4) + text('a'))],
    ['a topic longer than the request', request('Metadata', 1, be(1, 4) + be(100, 2))],
    ['a topic longer than any', request('Metadata', 1, list(text('x'.repeat(250))))],
    [
      'records longer than the request',
      request('Produce', 2, zeros(6) + list(text('a') + list(zeros(4) + be(99, 4)))),
    ],
    ['a length of six bytes', request('Metadata', 9, `${TAGS}\xff\xff\xff\xff\xff\x01`)],
    ['tags without an end', request('Metadata', 9, '\x05\0\0')],
    [
      'more topics than are compared',
      request('Metadata', 1, list(...Array.from({ length: 20_000 }, (_, i) => text(`t${i}`)))),
    ],
  ])('refused: %s', (_, all) => expect(said(all)).toEqual(['unreadable']))
})
