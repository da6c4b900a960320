import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reading } from '../src/index.ts'
import { quic } from '../src/protocols/quic/quic.ts'
import { byteByByte, bytesOf, readingsOf } from './conversation.ts'
import { crypto, HELLO, initial } from './quic-initial.ts'
import { SAMPLES, type Sample } from './samples.ts'

/* Bytes at random are refused at once; conversations that are nearly right go deeper. */
const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 200)

interface Change {
  readonly at: number
  readonly remove: number
  readonly insert: Uint8Array
}

const telling = fc.constantFrom(
  ...'\r\n :;,%/.0\0\x01\x7f\x80\xff'.split('').map(character => bytesOf(character)),
)
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 3 }),
  insert: fc.oneof(telling, fc.uint8Array({ maxLength: 3 })),
})
const changes = fc.array(change, { minLength: 1, maxLength: 3 })

function changed(bytes: Uint8Array, list: readonly Change[]): Uint8Array {
  let all = Buffer.from(bytes)
  for (const { at, remove, insert } of list) {
    const place = at % (all.length + 1)
    all = Buffer.concat([all.subarray(0, place), insert, all.subarray(place + remove)])
  }
  return all
}

const requests = (readings: readonly Reading[]): unknown[] =>
  readings.flatMap(reading => (reading.kind === 'request' ? [JSON.stringify(reading.request)] : []))
const told = (readings: readonly Reading[]): unknown[] =>
  readings.flatMap(reading => (reading.kind === 'detail' ? [`${reading.detail}: ${reading.value}`] : []))
const isRefused = (readings: readonly Reading[]): boolean =>
  readings.some(({ kind }) => kind === 'unreadable')

const of = (transport: Sample['transport']) =>
  SAMPLES.filter(sample => sample.transport === transport).map(sample => [sample.name, sample] as const)

/** A long run is no reason to fail. */
const timeout = Math.max(60_000, numRuns * 100)

describe('a conversation that is nearly right', { timeout }, () => {
  test.each(SAMPLES.map(sample => [sample.name, sample] as const))(
    '%s is right before it is changed',
    (_, { protocol, said, transport }) => {
      const readings = readingsOf(protocol, said, transport)
      expect(isRefused(readings)).toBe(false)
      expect(readings).not.toEqual([])
    },
  )

  test.each(of('TCP'))('%s is read alike in any pieces, or refused', (_, { protocol, said }) => {
    fc.assert(
      fc.property(changes, fc.nat({ max: said.length - 1 }), (list, which) => {
        const now = said.map(
          ([side, text], i) => [side, i === which ? changed(bytesOf(text), list) : bytesOf(text)] as const,
        )
        const [whole, pieces] = [readingsOf(protocol, now), readingsOf(protocol, byteByByte(now))]
        expect(requests(pieces)).toEqual(requests(whole))
        // In pieces a line is looked at when it is over; it can only be refused later, and more be told until then.
        if (isRefused(pieces)) expect(isRefused(whole)).toBe(true)
        if (!isRefused(whole)) expect(told(pieces)).toEqual(told(whole))
      }),
      { numRuns },
    )
  })

  test.each(of('UDP'))('%s in datagrams is read or refused', (_, { protocol, said }) => {
    fc.assert(
      fc.property(changes, fc.nat({ max: said.length - 1 }), (list, which) => {
        const now = said.map(
          ([side, text], i) => [side, i === which ? changed(bytesOf(text), list) : bytesOf(text)] as const,
        )
        expect(readingsOf(protocol, now, 'UDP').length).toBeLessThan(10)
      }),
      { numRuns },
    )
  })

  test('the frames of QUIC are read or refused', () => {
    fc.assert(
      fc.property(changes, list => {
        const frames = changed(bytesOf(crypto(0, HELLO)), list)
        const datagram = initial({ frames: Buffer.from(frames).toString('latin1') })
        expect(readingsOf(quic, [['client', datagram]], 'UDP').length).toBeLessThan(10)
      }),
      { numRuns },
    )
  })
})
