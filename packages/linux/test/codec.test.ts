import { addressBytes, canonicalIp, type EpochMs, formatIp, Malformed, Reader } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressText } from '../src/address-text.ts'
import { AddressTexts } from '../src/address-texts.ts'
import { errnoName } from '../src/libc.ts'
import { eachConntrackEvent } from '../src/netfilter/conntrack.ts'
import { type ConntrackEvent, CTA, encodeTuple, type Tuple } from '../src/netfilter/conntrack-message.ts'
import { parseLoggedPackets } from '../src/netfilter/nflog.ts'
import { encodeTransaction } from '../src/netfilter/nft/encode.ts'
import { parseNamedCounter } from '../src/netfilter/nftables-netlink.ts'
import {
  attribute,
  eachAttribute,
  eachMessage,
  message,
  NLMSG,
  nulTerminated,
  parseAcknowledgement,
  text,
  u32be,
} from '../src/netlink/message.ts'
import { parsePacket } from '../src/packet.ts'
import { parseAddress, parseLink, parseRoute } from '../src/rtnetlink-message.ts'

const hex = (...parts: readonly string[]) =>
  Uint8Array.from(Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'))

/* Captured from Linux 6.18 on loopback: a UDP datagram to port 9, and a refused TCP connection over IPv6. */
const NEW_UDP = hex(
  'a0000000000100060000000000000000020000003400018014000180080001007f000001080002007f0000011c000280050001',
  '0011000000060002009d2f000006000300000900003400028014000180080001007f000001080002007f0000011c0002800500',
  '0100110000000600020000090000060003009d2f000008000c00aea7f3760800030000000008080007000000001e0c001b0018',
  'ea6300c18244da',
)
const DESTROY_TCP6 = hex(
  '340100000201000000000000000000000a0000004c0001802c0001801400030000000000000000000000000000000001140004',
  '00000000000000000000000000000000011c000280050001000600000006000200d15c000006000300000900004c0002802c00',
  '0180140003000000000000000000000000000000000114000400000000000000000000000000000000011c0002800500010006',
  '000000060002000009000006000300d15c000008000c000629c532080003000000020808000700000000781c0009800c000100',
  '00000000000000010c00020000000000000000501c000a800c00010000000000000000010c000200000000000000003c1c0014',
  '800c00010018ea6300c1846d460c00020018ea6300c184b166100004800c00018005000100080000000c001b0018ea6300c184',
  'b241',
)

function conntrackEvents(bytes: Uint8Array): { events: ConntrackEvent[]; malformed: number } {
  const events: ConntrackEvent[] = []
  const malformed = eachConntrackEvent(bytes, event => events.push(event))
  return { events, malformed }
}

describe('conntrack', () => {
  test('a new UDP conversation', () => {
    const { events, malformed } = conntrackEvents(NEW_UDP)
    expect(malformed).toBe(0)
    expect(events).toEqual([
      {
        kind: 'new',
        id: 0xaea7f376,
        original: tuple('127.0.0.1', 40239, 9, 17),
        reply: tuple('127.0.0.1', 9, 40239, 17),
        protocolNumber: 17,
        mark: 0,
        zone: 0,
      },
    ])
  })

  test('the end of a TCP connection over IPv6, with its counters and its beginning', () => {
    const [event] = conntrackEvents(DESTROY_TCP6).events
    expect(event).toMatchObject({
      kind: 'destroy',
      original: tuple('::1', 53596, 9, 6),
      originalCounters: { packets: 1, bytes: 80 },
      replyCounters: { packets: 1, bytes: 60 },
    })
    expect(event?.timestampStart).toBe(1795356256358)
  })

  test('a broken message does not hide the next', () => {
    const broken = NEW_UDP.slice()
    broken[20] = 3 // the first attribute's length, shorter than its own header
    const { events, malformed } = conntrackEvents(Uint8Array.from([...broken, ...DESTROY_TCP6]))
    expect(malformed).toBe(1)
    expect(events.map(event => event.kind)).toEqual(['destroy'])
  })

  test('a tuple is encoded as the kernel encodes it', () => {
    const [udp] = conntrackEvents(NEW_UDP).events
    const [tcp] = conntrackEvents(DESTROY_TCP6).events
    expect(encodeTuple(CTA.tupleOriginal, udp?.original ?? tuple('', 0, 0, 0))).toEqual(
      NEW_UDP.subarray(20, 72),
    )
    expect(encodeTuple(CTA.tupleReply, tcp?.reply ?? tuple('', 0, 0, 0))).toEqual(
      DESTROY_TCP6.subarray(96, 172),
    )
  })
})

function tuple(ip: string, sourcePort: number, destinationPort: number, protocol: number): Tuple {
  return { source: ip, destination: ip, protocol, sourcePort, destinationPort }
}

describe('packets', () => {
  const ip4 = (protocol: string, rest: string, fragment = '0000') =>
    hex(`4500 0054 1234 ${fragment} 40 ${protocol} 0000 0a420002 0a420003`, rest)
  const A6 = 'fd660000000000000000000000000002'
  const B6 = 'fd660000000000000000000000000003'
  const ip6 = (next: string, rest: string) => hex(`60000000 0028 ${next} 40`, A6, B6, rest)
  const from4 = { source: '10.66.0.2', destination: '10.66.0.3', bytes: 84 }
  const from6 = { source: 'fd66::2', destination: 'fd66::3', bytes: 80 }

  test.each<[string, Uint8Array, object]>([
    ['TCP', ip4('06', 'd431 0050'), { ...from4, protocol: 6, sourcePort: 54321, destinationPort: 80 }],
    ['UDP', ip4('11', 'd431 0035'), { ...from4, protocol: 17, sourcePort: 54321, destinationPort: 53 }],
    ['ICMP type as port', ip4('01', '0800'), { ...from4, protocol: 1, sourcePort: 0, destinationPort: 8 }],
    ['a later fragment', ip4('06', '', '00b9'), { ...from4, protocol: 6, sourcePort: 0, destinationPort: 0 }],
    ['GRE', ip4('2f', ''), { ...from4, protocol: 47, sourcePort: 0, destinationPort: 0 }],
    ['IPv6 TCP', ip6('06', 'd431 0050'), { ...from6, protocol: 6, sourcePort: 54321, destinationPort: 80 }],
    ['ICMPv6', ip6('3a', '80'), { ...from6, protocol: 58, sourcePort: 0, destinationPort: 128 }],
    [
      'hop-by-hop, then a first fragment, then UDP',
      ip6('00', '2c 00 0502 0000 0100  11 00 0001 00000007  d431 0035'),
      { ...from6, protocol: 17, sourcePort: 54321, destinationPort: 53 },
    ],
    [
      'a later fragment of IPv6',
      ip6('2c', '11 00 0009 00000007'),
      { ...from6, protocol: 17, sourcePort: 0, destinationPort: 0 },
    ],
    [
      'an authentication header of 24 bytes',
      ip6('33', `06 04 ${'00'.repeat(22)} d431 0050`),
      { ...from6, protocol: 6, sourcePort: 54321, destinationPort: 80 },
    ],
  ])('%s', (_name, bytes, value) => expect(parsePacket(bytes)).toEqual({ ok: true, value }))

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['another IP version', hex('50')],
    ['a header length below 20 bytes', hex(`44${'00'.repeat(30)}`)],
    ['options beyond the end', hex(`4f${'00'.repeat(30)}`)],
    ['TCP without its ports', ip4('06', 'd431')],
    ['an endless chain of extension headers', ip6('3c', '3c00000000000000'.repeat(20))],
  ])('%s is refused', (_name, bytes) => expect(parsePacket(bytes).ok).toBe(false))
})

describe('messages and attributes', () => {
  test.each<[string, Uint8Array]>([
    ['a length below the header’s', hex('0f000000 0000 0000 00000000 00000000')],
    ['a length beyond the datagram', hex('20000000 0000 0000 00000000 00000000')],
    ['half a header', hex('10000000')],
  ])('%s is malformed', (_name, bytes) =>
    expect(() => eachMessage(bytes, () => undefined)).toThrow(Malformed),
  )

  test('padding is skipped, the last may have none', () => {
    const found: [number, string][] = []
    const bytes = Uint8Array.from([...attribute(1, nulTerminated('ab')), ...attribute(2, nulTerminated('c'))])
    eachAttribute(new Reader(bytes.subarray(0, bytes.length - 2)), (type, value) =>
      found.push([type, text(value)]),
    )
    expect(found).toEqual([
      [1, 'ab'],
      [2, 'c'],
    ])
  })

  test('the kernel’s own sentence is read from an error', () => {
    const request = message({ type: 0x10, flags: 5, sequence: 7 }, hex('00000000'))
    const body = Uint8Array.from([
      ...hex('feffffff'),
      ...request,
      ...attribute(1, nulTerminated('no such thing')),
    ])
    const header = { type: NLMSG.error, flags: 0x200, sequence: 7, port: 1 }
    expect(parseAcknowledgement(header, new Reader(body))).toEqual({ errno: 2, detail: 'no such thing' })
  })
})

test.each([
  [11, 'EAGAIN'],
  [95, 'ENOTSUP'],
  [105, 'ENOBUFS'],
  [524, 'ENOTSUPP'],
  [9_999, 'errno 9999'],
])('errno %d is %s', (errno, name) => expect(errnoName(errno)).toBe(name))

describe('addresses', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Runs of zeros and the mapped prefix are where the texts differ.
    fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map(a => Uint8Array.from(a)),
    fc
      .uint8Array({ minLength: 4, maxLength: 4 })
      .map(a => Uint8Array.from([...Array(10).fill(0), 255, 255, ...a])),
  )
  test('texts are canonical', () => {
    fc.assert(
      fc.property(bytes, raw => {
        const value = raw.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
        const family = raw.length === 4 ? 4 : 6
        expect(addressText(raw)).toBe(canonicalIp(formatIp({ family, value })))
        expect(addressBytes({ family, value })).toEqual(raw)
      }),
    )
  })
})

describe('texts of addresses that are kept', () => {
  const word = fc.nat(0xffff_ffff)
  const textOf = (...words: readonly number[]) =>
    addressText(Uint8Array.from(words.flatMap(value => [...u32be(value)])))

  test('are those of the addresses, also where two IPv6 addresses meet in the table', () => {
    const texts = new AddressTexts()
    fc.assert(
      fc.property(word, word, word, word, (a, b, c, d) => {
        // The hash is made of sums of bits: what is changed in two words can be undone in another.
        const other = (d ^ Math.imul(c, 7) ^ Math.imul(a, 7)) >>> 0
        const words: [number, number, number, number][] = [
          [a, b, c, d],
          [a, b, a, other],
          [a, b, c, d],
        ]
        for (const each of words) expect(texts.ip6(...each)).toBe(textOf(...each))
        expect(texts.ip4(a)).toBe(textOf(a))
      }),
    )
  })

  test('are those of the addresses when there were too many to keep', () => {
    const texts = new AddressTexts()
    for (let value = 0; value < 70_000; value++) texts.ip4(value)
    for (const value of [0, 1, 65_535, 65_536, 69_999, 0xffff_ffff])
      expect(texts.ip4(value)).toBe(textOf(value))
  })
})

describe('any bytes parse or say why', () => {
  /** Real messages with a few bytes changed get deeper than random ones. */
  const mutated = fc
    .tuple(
      fc.constantFrom(NEW_UDP, DESTROY_TCP6),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }),
      fc.nat(400),
    )
    .map(([bytes, changes, length]) => {
      const copy = bytes.slice(0, Math.max(length, 20))
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value
      return copy
    })
  const any = fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated)
  const orMalformed = (parse: () => unknown) => {
    try {
      parse()
    } catch (error) {
      expect(error).toBeInstanceOf(Malformed)
    }
  }

  test.each<[string, (bytes: Uint8Array) => unknown]>([
    ['conntrack events', conntrackEvents],
    ['logged packets', bytes => parseLoggedPackets(bytes, 0 as EpochMs)],
    ['packets', parsePacket],
  ])('%s never raise', (_name, parse) => {
    fc.assert(
      fc.property(any, bytes => void parse(bytes)),
      { numRuns: 2_000 },
    )
  })

  test.each<[string, (body: Reader) => unknown]>([
    ['counters', parseNamedCounter],
    ['links', parseLink],
    ['link addresses', parseAddress],
    ['routes', parseRoute],
    ['acknowledgements', body => parseAcknowledgement({ type: 2, flags: 0, sequence: 0, port: 0 }, body)],
  ])('%s raise only Malformed', (_name, parse) => {
    fc.assert(
      fc.property(any, bytes => orMalformed(() => parse(new Reader(bytes)))),
      { numRuns: 2_000 },
    )
  })
})

test('a range that is encoded leaves the key that ends it as it is, also in memory that is shared', () => {
  const [first, last] = [Buffer.from([10, 0, 0, 1]), Buffer.from([10, 0, 0, 255])]
  encodeTransaction('t', [{ kind: 'add-elements', set: 's', elements: [{ first, last }] }], 1)
  expect([[...first], [...last]]).toEqual([
    [10, 0, 0, 1],
    [10, 0, 0, 255],
  ])
})
