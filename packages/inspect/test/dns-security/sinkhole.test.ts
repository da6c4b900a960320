import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Sinkhole, sinkholeAnswer } from '../../src/dns-security/sinkhole.ts'
import { parseMessage, TYPE } from '../../src/protocols/dns/message.ts'
import { message, opt, type TypeWord } from './wire.ts'

const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 300)
const NXDOMAIN: Sinkhole = { kind: 'nxdomain', addresses: [], ttl: 30 }
const ZERO: Sinkhole = { kind: 'addresses', addresses: [new Uint8Array(4), new Uint8Array(16)], ttl: 60 }

function answer(query: Uint8Array, sinkhole: Sinkhole) {
  const bytes = sinkholeAnswer(query, sinkhole)
  if (!bytes) throw new TypeError('no answer')
  return parseMessage(bytes)
}

describe('a sinkhole', () => {
  test('says that there is no such name, and for how long', () => {
    const said = answer(message({ id: 0x1234 }), NXDOMAIN)
    expect(said).toMatchObject({
      id: 0x1234,
      isAnswer: true,
      code: 3,
      flags: 0x8183,
      records: [],
      additional: [],
    })
    expect(said.asked).toEqual([{ name: 'www.example.com', type: TYPE.a, class: 1 }])
    expect(said.authority).toMatchObject([{ name: 'www.example.com', type: TYPE.soa, ttl: 30 }])
  })

  test.each([
    ['a', ['0.0.0.0']],
    ['aaaa', ['::']],
    ['any', ['0.0.0.0', '::']],
    ['txt', []],
    ['https', []],
  ] satisfies [TypeWord, string[]][])('answers a question for %s with addresses', (type, expected) => {
    const { records, code, authority } = answer(message({ type }), ZERO)
    expect([code, records.flatMap(({ targets }) => targets)]).toEqual([0, expected])
    expect(authority).toHaveLength(expected.length === 0 ? 1 : 0)
    for (const record of records) expect(record).toMatchObject({ name: 'www.example.com', ttl: 60, class: 1 })
  })

  test('answers with EDNS who asks with it, and wants DNSSEC as he does', () => {
    const [said] = answer(message({ additional: [opt(0x8000)] }), NXDOMAIN).additional
    expect(said).toMatchObject({ name: '', type: TYPE.opt, class: 1_232, ttl: 0x8000 })
    const bytes = sinkholeAnswer(message({ additional: [opt()] }), NXDOMAIN) ?? new Uint8Array()
    expect([...bytes.subarray(-6)]).toEqual([0, 15, 0, 2, 0, 15])
  })

  test('does not pretend to know a later EDNS', () => {
    const said = answer(message({ additional: [opt(1 << 16)] }), ZERO)
    expect([said.code, said.records.length, said.additional[0]?.ttl]).toEqual([0, 0, 1 << 24])
  })

  test.each([
    ['an answer', message({ flags: 0x8180 })],
    ['an update', message({ flags: 0x2800 })],
    ['no question', Uint8Array.from([0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['a message cut short', message({}).subarray(0, 20)],
  ])('%s is not answered', (_, bytes) => expect(sinkholeAnswer(bytes, ZERO)).toBeUndefined())

  const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,63}$/)
  const name = fc
    .array(label, { minLength: 1, maxLength: 6 })
    .map(labels => labels.join('.'))
    .filter(text => text.length <= 253)
  const sinkhole = fc.record({
    kind: fc.constantFrom('nxdomain', 'addresses' as const),
    addresses: fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
      ),
    ),
    ttl: fc.nat({ max: 86_400 }),
  })
  const type = fc.constantFrom<TypeWord>('a', 'aaaa', 'any', 'txt', 'mx', 'https')

  test('every question gets an answer that our parser reads, that repeats it, and fits into a datagram', () => {
    fc.assert(
      fc.property(name, type, sinkhole, fc.nat(0xffff), fc.boolean(), (asked, wanted, given, id, hasEdns) => {
        const query = message({ id, name: asked, type: wanted, additional: hasEdns ? [opt()] : [] })
        const bytes = sinkholeAnswer(query, given) ?? new Uint8Array()
        const [said, put] = [parseMessage(bytes), parseMessage(query)]
        expect([said.id, said.asked, said.additional.length]).toEqual([id, put.asked, hasEdns ? 1 : 0])
        expect(bytes.subarray(12, 12 + asked.length + 6)).toEqual(query.subarray(12, 12 + asked.length + 6))
        expect(said.records.every(({ name: owner }) => owner === put.asked[0]?.name)).toBe(true)
        expect(bytes.length).toBeLessThanOrEqual(512)
      }),
      { numRuns },
    )
  })

  test('any bytes are answered or not', () => {
    const mutated = fc.tuple(fc.nat(60), fc.nat(255)).map(([at, value]) => {
      const bytes = message({ additional: [opt()] })
      bytes[at % bytes.length] = value
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 80 })), bytes => {
        const said = sinkholeAnswer(bytes, ZERO)
        if (said) expect(parseMessage(said).isAnswer).toBe(true)
      }),
      { numRuns: numRuns * 3 },
    )
  })
})

describe('dig reads', () => {
  const run = promisify(execFile)
  const socket = createSocket('udp4')
  let sinkhole = NXDOMAIN
  beforeAll(async () => {
    socket.on('message', (query, { port, address }) => {
      const said = sinkholeAnswer(query, sinkhole)
      if (said) socket.send(said, port, address)
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  })
  afterAll(() => socket.close())

  const dig = async (type: string): Promise<string> => {
    const { stdout } = await run('dig', [
      '@127.0.0.1',
      '-p',
      `${socket.address().port}`,
      '+time=20',
      '+tries=2',
      'Evil.Example',
      type,
    ])
    return stdout
  }

  test.each([
    ['no such name', NXDOMAIN, 'A', [/status: NXDOMAIN/, /SOA\s+localhost\. nobody\.invalid\./]],
    ['an address', ZERO, 'A', [/status: NOERROR/, /Evil\.Example\.\s+60\s+IN\s+A\s+0\.0\.0\.0/]],
    ['an address of IPv6', ZERO, 'AAAA', [/Evil\.Example\.\s+60\s+IN\s+AAAA\s+::/]],
    ['why', ZERO, 'TXT', [/status: NOERROR/, /EDE: 15 \(Blocked\)/]],
  ])('%s', async (_, given, type, expected) => {
    sinkhole = given
    const text = await dig(type)
    expect(text).not.toMatch(/WARNING|malformed/i)
    for (const line of expected) expect(text).toMatch(line)
  })
})
