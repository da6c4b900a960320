import type { RuleId } from '@sekisho/core'
import { checksumsHold, PacketHeader, parsePacket, TCP } from '@sekisho/inspect'
import { packet, type TcpOf, tcp } from '@sekisho/inspect/test/packets'
import { describe, expect, test } from 'vitest'
import { endAgain, endOf, endWith, type RefusedPacket } from '../../src/inspection/refusal.ts'

const { SYN, ACK, PSH, FIN, RST } = TCP
const BY = 'SecurityPolicy/shop/api#ingress' as RuleId
const FAMILIES = [
  ['192.0.2.1', '192.0.2.2'],
  ['2001:db8::1', '2001:db8::2'],
] as const

function refused(of: TcpOf, source: string, destination: string, repeated = 0): RefusedPacket {
  const bytes = packet({ source, destination, transport: tcp(of) })
  const header = new PacketHeader()
  expect(parsePacket(bytes, header)).toBeUndefined()
  return { bytes, header, repeated }
}

/** What a receiver reads, from whom to whom. */
function read(bytes: Uint8Array) {
  const header = new PacketHeader()
  expect(parsePacket(bytes, header)).toBeUndefined()
  expect(checksumsHold(bytes, header)).toBe(true)
  const { sourceAt, sourcePort, destinationPort, sequence, acknowledgement, flags } = header
  const [source, destination] = [
    bytes[sourceAt + (header.family === 4 ? 3 : 15)],
    bytes.at(header.transportAt - 1),
  ]
  const text = new TextDecoder().decode(bytes.subarray(header.payloadAt, header.payloadEnd))
  return {
    way: `${source}:${sourcePort} > ${destination}:${destinationPort}`,
    sequence,
    acknowledgement,
    flags,
    text,
    header,
  }
}

const REQUEST: TcpOf = { sequence: 1_000, acknowledgement: 5_000, flags: ACK | PSH, text: 'DEL x' }
const TO_CLIENT = '2:80 > 1:40000'
const TO_SERVER = '1:40000 > 2:80'

describe.each(FAMILIES)('between %s and %s', (source, destination) => {
  const of = (segment: TcpOf, repeated?: number) => refused(segment, source, destination, repeated)

  test('both ends are reset where each expects it', () => {
    const sent = endWith(of(REQUEST), { how: 'reset', by: BY, mayRespond: true }).map(read)
    expect(sent).toMatchObject([
      { way: TO_CLIENT, sequence: 5_000, flags: RST, text: '' },
      { way: TO_SERVER, sequence: 1_000, acknowledgement: 5_000, flags: RST | ACK, text: '' },
    ])
  })

  test('what had passed of the packet the receiver has', () => {
    const [, toServer] = endWith(of(REQUEST, 3), { how: 'reset', by: BY, mayRespond: false }).map(read)
    expect(toServer).toMatchObject({ way: TO_SERVER, sequence: 1_003 })
  })

  test('a first SYN is refused as by who does not listen, and its receiver hears nothing', () => {
    const syn = of({ sequence: 0xffff_ffff, acknowledgement: 0, flags: SYN })
    const sent = endWith(syn, { how: 'respond', by: BY, mayRespond: true }).map(read)
    expect(sent).toMatchObject([{ way: TO_CLIENT, sequence: 0, acknowledgement: 0, flags: RST | ACK }])
    expect(sent).toHaveLength(1)
  })

  test('a reset is not answered', () => {
    const reset = of({ flags: RST | ACK })
    expect(endWith(reset, { how: 'reset', by: BY, mayRespond: false })).toEqual([])
    expect(endAgain(reset)).toEqual([])
  })

  test('who still speaks hears again, and the other end does not', () => {
    expect(endAgain(of({ ...REQUEST, acknowledgement: 7 })).map(read)).toMatchObject([
      { way: TO_CLIENT, sequence: 7, flags: RST },
    ])
  })

  test('HTTP is answered, and the answer ends the connection', () => {
    const [answer, toServer, ...more] = endWith(of(REQUEST), {
      how: 'respond',
      by: BY,
      mayRespond: true,
    }).map(read)
    expect(more).toEqual([])
    expect(answer).toMatchObject({
      way: TO_CLIENT,
      sequence: 5_000,
      acknowledgement: 1_005,
      flags: FIN | PSH | ACK,
      text: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n',
    })
    expect(toServer).toMatchObject({ way: TO_SERVER, sequence: 1_000, flags: RST | ACK })
  })

  test('only who asked for it names the rule', () => {
    const [answer] = endWith(of(REQUEST), { how: 'explain', by: BY, mayRespond: true }).map(read)
    expect(answer?.text).toMatch(/\r\nSekisho-Denied-By: SecurityPolicy\/shop\/api#ingress\r\n\r\n$/)
    const [nameless] = endWith(of(REQUEST), { how: 'explain', by: undefined, mayRespond: true }).map(read)
    expect(nameless?.text).toMatch(/no-store\r\n\r\n$/)
  })

  test('an answer that might be taken for another one’s is none', () => {
    const [toClient] = endWith(of(REQUEST), { how: 'explain', by: BY, mayRespond: false }).map(read)
    expect(toClient).toMatchObject({ flags: RST, text: '' })
  })

  test('timestamps go on where both ends agreed on them', () => {
    const stamps = [8, 10, 0, 0, 0, 9, 0, 0, 0, 5]
    for (const options of [
      [1, 1, ...stamps],
      [...stamps, 1, 1],
      [5, 10, 8, 10, 8, 10, 8, 10, 8, 10, 1, 1, ...stamps, 1, 1],
    ]) {
      const [answer] = endWith(of({ ...REQUEST, options }), { how: 'respond', by: BY, mayRespond: true })
      const { header } = read(answer ?? new Uint8Array())
      const at = header.transportAt + 20
      expect([...(answer?.subarray(at, header.payloadAt) ?? [])]).toEqual([
        1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 9,
      ])
    }
  })
})

test.each([
  ['data', { sequence: 10, flags: ACK, text: 'abc' }, 13],
  ['SYN with data', { sequence: 10, flags: SYN, text: 'abc' }, 14],
  ['FIN', { sequence: 0xffff_ffff, flags: FIN | ACK }, 0],
] as const)('a segment with %s ends', (_what, of, end) => {
  expect(endOf(refused(of, '192.0.2.1', '192.0.2.2').header)).toBe(end)
})
