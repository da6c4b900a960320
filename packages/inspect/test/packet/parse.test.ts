import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checksumsHold,
  flowKey,
  fromLower,
  IP_PROTOCOL,
  PacketHeader,
  parsePacket,
  UNREAD,
} from '../../src/index.ts'
import { packet, tcp, udp } from './packets.ts'

function parsed(bytes: Uint8Array) {
  const header = new PacketHeader()
  const unread = parsePacket(bytes, header)
  const payload = String.fromCharCode(...bytes.subarray(header.payloadAt, header.payloadEnd))
  return { header, unread, payload }
}

describe('what is read', () => {
  test.each([
    ['IPv4', packet({ transport: tcp({ text: 'abc' }) })],
    ['IPv4 with options', packet({ extra: new Uint8Array(8), transport: tcp({ text: 'abc' }) })],
    ['IPv6', packet({ source: '2001:db8::1', transport: tcp({ text: 'abc' }) })],
    [
      'IPv6 with extension headers',
      packet({
        source: '2001:db8::1',
        announces: IP_PROTOCOL.HOP_BY_HOP,
        extra: Uint8Array.from([
          60,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          44,
          1,
          ...Array(14).fill(0),
          6,
          0,
          0,
          0,
          1,
          2,
          3,
          4,
        ]),
        transport: tcp({ text: 'abc' }),
      }),
    ],
    [
      'IPv6 with an authentication header (4 + 2 words)',
      packet({
        source: '2001:db8::1',
        announces: IP_PROTOCOL.AH,
        transport: Uint8Array.from([6, 4, 0, 0, ...Array(20).fill(0), ...tcp({ text: 'abc' })]),
      }),
    ],
    [
      'bytes of the link layer behind the packet',
      Uint8Array.from([...packet({ transport: tcp({ text: 'abc' }) }), 0, 0]),
    ],
    ['a length too large for its field', packet({ totalLength: 0, transport: tcp({ text: 'abc' }) })],
  ])('%s', (_, bytes) => {
    const { header, unread, payload } = parsed(bytes)
    expect(unread).toBeUndefined()
    expect({ payload, missing: header.missing, hops: header.hops }).toEqual({
      payload: 'abc',
      missing: 0,
      hops: 64,
    })
    expect([header.sourcePort, header.destinationPort]).toEqual([40_000, 80])
  })

  test('a TCP header, numbers without a sign', () => {
    const options = [1, 1, 8, 10, 0xff, 0, 0, 1, 0, 0, 0, 2]
    const segment = tcp({ sequence: 0xffff_fff0, acknowledgement: 0x8000_0000, flags: 0x12, options })
    expect(parsed(packet({ transport: segment })).header).toMatchObject({
      sequence: 0xffff_fff0,
      acknowledgement: 0x8000_0000,
      flags: 0x12,
      window: 1_024,
      hasTimestamp: true,
      timestamp: 0xff00_0001,
    })
  })

  test.each([
    ['of no length', [2, 0, 8, 10]],
    ['longer than the header', [8, 10, 0, 0]],
    ['after the end of options', [0, 0, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]],
  ])('no timestamp from an option %s', (_, options) => {
    const { header, unread } = parsed(packet({ transport: tcp({ options, text: 'abc' }) }))
    expect([unread, header.hasTimestamp]).toEqual([undefined, false])
  })

  test('a datagram ends where its own length says', () => {
    const { payload } = parsed(packet({ protocol: 17, transport: udp('abcdef', 40_000, 53, 8 + 3) }))
    expect(payload).toBe('abc')
  })

  test('bytes that were not copied are missing', () => {
    const whole = packet({ transport: tcp({ text: 'abcdef' }) })
    const { header, payload } = parsed(whole.subarray(0, whole.length - 4))
    expect([payload, header.missing]).toEqual(['ab', 4])
  })
})

describe('what is not', () => {
  test.each([
    ['nothing', new Uint8Array(), 'not-ip'],
    ['another version', Uint8Array.of(0x55, 0, 0, 20), 'not-ip'],
    ['a header that is cut off', packet({}).subarray(0, 19), 'malformed-header'],
    ['a header length below its own', Uint8Array.from([0x44, ...packet({}).subarray(1)]), 'malformed-header'],
    ['a total length below the header', packet({ totalLength: 19 }), 'malformed-header'],
    ['a TCP header that is cut off', packet({ transport: tcp({}).subarray(0, 19) }), 'malformed-header'],
    [
      'a TCP header longer than the packet',
      packet({ transport: tcp({}).with(12, 0xf0) }),
      'malformed-header',
    ],
    ['a TCP header shorter than its own', packet({ transport: tcp({}).with(12, 0x40) }), 'malformed-header'],
    [
      'a UDP length beyond the packet',
      packet({ protocol: 17, transport: udp('abc', 1, 2, 12) }),
      'malformed-header',
    ],
    [
      'a UDP length below its header',
      packet({ protocol: 17, transport: udp('abc', 1, 2, 7) }),
      'malformed-header',
    ],
    [
      'what an authentication header of IPv4 signs',
      packet({
        announces: IP_PROTOCOL.AH,
        transport: Uint8Array.from([6, 4, 0, 0, ...Array(20).fill(0), ...tcp({ text: 'abc' })]),
      }),
      'other-transport',
    ],
    ['the first fragment', packet({ fragment: 0x2000 }), 'fragment'],
    ['a later fragment', packet({ fragment: 0x0001 }), 'fragment'],
    [
      'an IPv6 fragment',
      packet({ source: '2001:db8::1', announces: 44, extra: Uint8Array.from([6, 0, 0, 1, 0, 0, 0, 0]) }),
      'fragment',
    ],
    [
      'an extension header longer than the packet',
      packet({ source: '2001:db8::1', announces: 0, extra: Uint8Array.from([6, 9, 0, 0, 0, 0, 0, 0]) }),
      'malformed-header',
    ],
    [
      'a chain of extension headers',
      packet({
        source: '2001:db8::1',
        announces: 60,
        extra: Uint8Array.from(Array.from({ length: 20 }, () => [60, 0, 0, 0, 0, 0, 0, 0]).flat()),
      }),
      'extension-chain',
    ],
    ['an IP packet within', packet({ protocol: 4 }), 'ip-in-ip'],
    ['an IPv6 packet within', packet({ protocol: 41 }), 'ip-in-ip'],
    ['GRE', packet({ protocol: 47 }), 'gre'],
    ['ESP', packet({ protocol: 50 }), 'esp'],
    ['OSPF', packet({ protocol: 89 }), 'other-transport'],
  ])('%s', (_, bytes, why) => {
    expect(parsed(bytes).unread).toBe(why)
  })

  test('any bytes are read or refused with a reason, within their own bounds', () => {
    const header = new PacketHeader()
    const start = fc.constantFrom(...[4, 6].map(version => (version << 4) | 5))
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 120 }), (first, rest) => {
        const bytes = Uint8Array.from([first, ...rest])
        const unread = parsePacket(bytes, header)
        if (unread) expect(UNREAD).toContain(unread)
        else {
          expect(header.payloadAt).toBeLessThanOrEqual(header.payloadEnd)
          expect(header.payloadEnd).toBeLessThanOrEqual(bytes.length)
          expect(header.missing).toBeGreaterThanOrEqual(0)
          expect(typeof checksumsHold(bytes, header)).toBe('boolean')
        }
      }),
      { numRuns: Number(process.env.SEKISHO_FUZZ_RUNS ?? 2_000) },
    )
  })
})

describe('the key of a flow', () => {
  const keyOf = (bytes: Uint8Array) => {
    const { header } = parsed(bytes)
    const isFromLower = fromLower(bytes, header)
    return [flowKey(bytes, header, isFromLower), isFromLower] as const
  }
  const there = { transport: tcp({ from: 40_000, to: 80 }) }
  const back = { transport: tcp({ from: 80, to: 40_000 }) }

  test.each([
    ['IPv4', '192.0.2.1', '192.0.2.2'],
    ['IPv6', '2001:db8::1', '2001:db8::2'],
    ['one end', '192.0.2.1', '192.0.2.1'],
  ])('of %s is one in both directions, which are told apart', (_, source, destination) => {
    const [key, isLower] = keyOf(packet({ source, destination, ...there }))
    expect(keyOf(packet({ source: destination, destination: source, ...back }))).toEqual([key, !isLower])
  })

  test('differs with each part of it', () => {
    const keys = [
      packet({ ...there }),
      packet({ ...there, destination: '192.0.2.3' }),
      packet({ ...there, source: '2001:db8::1' }),
      packet({ transport: tcp({ from: 40_001, to: 80 }) }),
      packet({ transport: tcp({ from: 40_000, to: 81 }) }),
      packet({ protocol: 17, transport: udp('abc', 40_000, 80) }),
    ].map(bytes => keyOf(bytes)[0])
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('checksums', () => {
  const holds = (bytes: Uint8Array) => checksumsHold(bytes, parsed(bytes).header)
  const samples: readonly (readonly [string, Uint8Array])[] = [
    ['TCP over IPv4', packet({ transport: tcp({ text: 'abc' }) })],
    ['TCP over IPv6', packet({ source: '2001:db8::1', transport: tcp({ text: 'abcd' }) })],
    ['UDP over IPv4', packet({ protocol: 17, transport: udp('abc') })],
    ['UDP over IPv6', packet({ source: '2001:db8::1', protocol: 17, transport: udp('abc') })],
    ['a long packet', packet({ transport: tcp({ text: '\xff'.repeat(1_001) }) })],
    ['a long packet, even', packet({ transport: tcp({ text: '\xff'.repeat(1_002) }) })],
  ]
  test.each(samples)('%s: hold, and not with any byte changed', (_, bytes) => {
    expect(holds(bytes)).toBe(true)
    expect(holds(bytes.with(-1, 0x7a))).toBe(false)
    expect(holds(bytes.with(-5, (bytes.at(-5) ?? 0) ^ 1))).toBe(false)
  })

  test('the IPv4 header has its own', () => {
    const bytes = packet({ transport: tcp({ text: 'abc' }) })
    expect(holds(bytes.with(8, 63))).toBe(false)
  })

  test('UDP may have none over IPv4, and must over IPv6', () => {
    const without = (bytes: Uint8Array, at: number) => bytes.with(at + 6, 0).with(at + 7, 0)
    expect(holds(without(packet({ protocol: 17, transport: udp('abc') }), 20))).toBe(true)
    const six = packet({ source: '2001:db8::1', protocol: 17, transport: udp('abc') })
    expect(holds(without(six, 40))).toBe(false)
  })
})
