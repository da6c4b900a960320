import { DEFAULT_DNS_PROFILE, type DnsProfile, type EpochMs } from '@sekisho/core'
import { Identifier, PacketHeader, PROTOCOLS, parsePacket } from '@sekisho/inspect'
import { readDnsMessage } from '@sekisho/inspect/dns-security'
import { describe, expect, test } from 'vitest'
import { DnsGuards, type DnsNotice } from '../../src/inspection/dns-guards.ts'
import { Inspector, type Terms, type Treatment } from '../../src/inspection/inspector.ts'
import { Connection, datagram, IP4, IP6 } from './connection.ts'
import { answerOf } from './scripted.ts'

const GENERATED = 'xjqkvbzwtrpmlh.com'
const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 255)
const name = (text: string): string =>
  `${text
    .split('.')
    .map(label => String.fromCharCode(label.length) + label)
    .join('')}\0`
const question = (of: string, id = 7): string =>
  `${u16(id)}${u16(0x0100)}${u16(1)}\0\0\0\0\0\0${name(of)}${u16(1)}${u16(1)}`
const answer = (of: string, address: string, id = 7): string =>
  `${u16(id)}${u16(0x8180)}${u16(1)}${u16(1)}\0\0\0\0${name(of)}${u16(1)}${u16(1)}${name(of)}${u16(1)}${u16(1)}\0\0\0\x3c\0\x04${address}`
const framed = (text: string): string => u16(text.length) + text

function guarding(profile: Partial<DnsProfile>, acts = true) {
  const clock = { now: 1_700_000_000_000 }
  const notices: DnsNotice[] = []
  const sent: Uint8Array[] = []
  const dns = [{ name: 'strict', acts, dns: { ...DEFAULT_DNS_PROFILE, ...profile } }]
  const state: { terms: Terms } = {
    terms: { ask: () => answerOf(['allow']), facts: {}, onFailure: 'open', dns },
  }
  const inspector = new Inspector({
    identifier: new Identifier({ protocols: PROTOCOLS }),
    identify: false,
    terms: () => state.terms,
    notice: (_ends, notice) => {
      if (notice.kind === 'dns') notices.push(notice)
    },
    send: packet => sent.push(packet),
    dns: new DnsGuards({}, () => clock.now as EpochMs),
  })
  const said = (text: string, fromClient = true): Treatment => inspector.packet(datagram(text, fromClient))
  return { inspector, said, notices, sent, clock, state }
}
const generated = (action: 'audit' | 'deny' | 'sinkhole') => ({
  generated: { ...DEFAULT_DNS_PROFILE.generated, action },
})

describe('DNS of a workload with a profile', () => {
  test('passes while nothing is found, and is read on', () => {
    const { said, notices } = guarding(generated('deny'))
    expect(said(question('www.example.com'))).toBe('pass')
    expect(said(answer('www.example.com', '\x5d\xb8\xd8\x22'), false)).toBe('pass')
    expect(said(question('api.example.com', 8))).toBe('pass')
    expect(notices).toEqual([])
  })

  test('a denied question does not pass, and the next one does', () => {
    const { said, notices, sent } = guarding(generated('deny'))
    expect(said(question(GENERATED))).toBe('drop')
    expect(said(question('www.example.com'))).toBe('pass')
    expect(notices).toMatchObject([{ profile: 'strict', action: 'deny', finding: { check: 'generated' } }])
    expect(sent).toEqual([])
  })

  test.each([
    ['IPv4', IP4],
    ['IPv6', IP6],
  ])('a question is answered in the resolver’s place over %s', (_, at) => {
    const { inspector, sent } = guarding(generated('sinkhole'))
    const asked = datagram(question(GENERATED), true, at)
    expect(inspector.packet(asked)).toBe('drop')
    const [bytes = new Uint8Array()] = sent
    const header = new PacketHeader()
    expect(parsePacket(bytes, header)).toBeUndefined()
    expect([header.sourcePort, header.destinationPort]).toEqual([53, 40_000])
    const message = readDnsMessage(bytes.subarray(header.payloadAt, header.payloadEnd))
    expect(message).toMatchObject({ id: 7, isAnswer: true, code: 3, asked: [{ name: GENERATED }] })
  })

  test('of a policy in Audit everything passes and is told', () => {
    const { said, notices } = guarding(generated('deny'), false)
    expect(said(question(GENERATED))).toBe('pass')
    expect(notices).toMatchObject([{ action: 'audit' }])
  })

  test('an answer that leads inside does not pass', () => {
    const { said } = guarding({ rebinding: { action: 'deny', names: [], blocks: [] } })
    expect(said(question('www.example.com'))).toBe('pass')
    expect(said(answer('www.example.com', '\x0a\0\0\x01'), false)).toBe('drop')
  })

  test('the same is told once a minute', () => {
    const { said, notices, clock } = guarding(generated('audit'))
    for (let id = 1; id < 20; id++) said(question(GENERATED, id))
    expect(notices).toHaveLength(1)
    clock.now += 60_000
    said(question(GENERATED, 20))
    expect(notices).toHaveLength(2)
  })

  test('a changed profile counts with the next message', () => {
    const { inspector, said, state } = guarding(generated('audit'))
    expect(said(question(GENERATED))).toBe('pass')
    const dns = [{ name: 'strict', acts: true, dns: { ...DEFAULT_DNS_PROFILE, ...generated('deny') } }]
    state.terms = { ...state.terms, dns }
    inspector.revise()
    expect(said(question(GENERATED, 8))).toBe('drop')
  })

  test('over TCP a stopped question ends the connection, in however many pieces it came', () => {
    const { inspector, sent } = guarding(generated('sinkhole'))
    const tcp = new Connection(IP4)
    for (const each of tcp.handshake()) inspector.packet(each)
    expect(inspector.packet(tcp.client(framed(question('www.example.com'))))).toBe('pass')
    const bad = framed(question(GENERATED, 8))
    expect(inspector.packet(tcp.client(bad.slice(0, 20)))).toBe('pass')
    expect(inspector.packet(tcp.client(bad.slice(20)))).toBe('drop')
    expect(inspector.packet(tcp.client(framed(question('www.example.com', 9))))).toBe('drop')
    expect(sent).toEqual([])
  })

  test('what is no message is no matter of DNS', () => {
    const { said, notices } = guarding(generated('deny'))
    for (const text of ['', 'x', '\0'.repeat(12), 'GET / HTTP/1.1\r\n\r\n'])
      expect(said(text)).not.toBe('drop')
    expect(notices).toEqual([])
  })
})
