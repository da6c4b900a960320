import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildDatagram, buildSegment, checksumsHold, PacketHeader, parsePacket } from '../../src/index.ts'
import { addressBytes, packet, tcp } from './packets.ts'

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const address = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const segments = fc.constantFrom(4, 16).chain(length =>
  fc.record({
    source: address(length),
    destination: address(length),
    sourcePort: u16,
    destinationPort: u16,
    sequence: u32,
    acknowledgement: u32,
    flags: fc.integer({ min: 0, max: 0x3f }),
    window: u16,
    // No-operations, which mean nothing.
    options: fc.integer({ min: 0, max: 10 }).map(words => new Uint8Array(words * 4).fill(1)),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
)

test('the parser reads what was built, and its checksums hold', () => {
  fc.assert(
    fc.property(segments, of => {
      const bytes = buildSegment(of)
      const header = new PacketHeader()
      expect(parsePacket(bytes, header)).toBeUndefined()
      expect(checksumsHold(bytes, header)).toBe(true)
      const { sourceAt, destinationAt, payloadAt, payloadEnd, missing } = header
      expect(header).toMatchObject({
        family: of.source.length === 4 ? 4 : 6,
        hops: 64,
        sourcePort: of.sourcePort,
        destinationPort: of.destinationPort,
        sequence: of.sequence,
        acknowledgement: of.acknowledgement,
        flags: of.flags,
        window: of.window,
      })
      const addressLength = of.source.length
      expect(bytes.subarray(sourceAt, sourceAt + addressLength)).toEqual(of.source)
      expect(bytes.subarray(destinationAt, destinationAt + addressLength)).toEqual(of.destination)
      expect(bytes.subarray(payloadAt, payloadEnd)).toEqual(of.payload)
      expect([payloadEnd, missing]).toEqual([bytes.length, 0])
    }),
    { numRuns: 300 },
  )
})

test.each([
  ['192.0.2.1', '192.0.2.2'],
  ['2001:db8::1', '2001:db8::2'],
])('byte by byte as another builder makes it: %s', (source, destination) => {
  const built = buildSegment({
    source: Uint8Array.from(addressBytes(source)),
    destination: Uint8Array.from(addressBytes(destination)),
    sourcePort: 40_000,
    destinationPort: 80,
    sequence: 7,
    acknowledgement: 0xffff_fffe,
    flags: 0x18,
    window: 1_024,
    options: Uint8Array.of(1, 1, 1, 1),
    payload: Uint8Array.of(0x68, 0x69, 0x21),
  })
  const transport = tcp({ sequence: 7, acknowledgement: 0xffff_fffe, options: [1, 1, 1, 1], text: 'hi!' })
  expect(built).toEqual(packet({ source, destination, transport }))
})

const datagrams = fc.constantFrom(4, 16).chain(length =>
  fc.record({
    ends: fc.record({
      source: address(length),
      destination: address(length),
      sourcePort: u16,
      destinationPort: u16,
    }),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
)

test('the parser reads datagrams that were built, and their checksums hold', () => {
  fc.assert(
    fc.property(datagrams, ({ ends, payload }) => {
      const bytes = buildDatagram(ends, payload)
      const header = new PacketHeader()
      expect(parsePacket(bytes, header)).toBeUndefined()
      expect(checksumsHold(bytes, header)).toBe(true)
      const { sourcePort, destinationPort } = ends
      expect(header).toMatchObject({ protocol: 17, sourcePort, destinationPort })
      expect(bytes.subarray(header.payloadAt, header.payloadEnd)).toEqual(payload)
    }),
    { numRuns: 300 },
  )
})
