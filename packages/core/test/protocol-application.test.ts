import { describe, expect, test } from 'vitest'
import {
  APPLICATIONS,
  applicationOfProtocol,
  isSpoken,
  type Protocol,
  protocolName,
  TELLING_PROTOCOLS,
} from '../src/index.ts'

describe('what an IP protocol tells by itself', () => {
  test.each<[number, Protocol, string | undefined]>([
    [1, 'ICMP', 'icmp'],
    [58, 'ICMPv6', 'icmp'],
    [50, 'IP/50', 'ipsec'],
    [51, 'IP/51', 'ipsec'],
    [6, 'TCP', undefined],
    [17, 'UDP', undefined],
    [132, 'SCTP', undefined],
    [47, 'IP/47', undefined],
    [4, 'IP/4', undefined],
    [41, 'IP/41', undefined],
  ])('%i, %s: %s', (number, protocol, application) => {
    expect(protocolName(number)).toBe(protocol)
    expect(applicationOfProtocol(protocol)).toBe(application)
  })

  test('all that tell are listed', () => {
    const every = Array.from({ length: 256 }, (_, number) => protocolName(number))
    expect(new Set(every.filter(applicationOfProtocol))).toEqual(new Set(TELLING_PROTOCOLS))
  })

  test('ICMP alone is never spoken over TCP or UDP', () => {
    expect(APPLICATIONS.filter(application => !isSpoken(application))).toEqual(['icmp'])
  })
})
