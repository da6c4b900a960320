import type { Application } from './application.ts'
import type { Protocol } from './flow.ts'

/** IP protocols that are an application themselves: ICMP, and what IPsec encrypts or signs (RFC 4303, 4302). */
const CARRIED: ReadonlyMap<Protocol, Application> = new Map([
  ['ICMP', 'icmp'],
  ['ICMPv6', 'icmp'],
  ['IP/50', 'ipsec'],
  ['IP/51', 'ipsec'],
])
export const TELLING_PROTOCOLS: readonly Protocol[] = [...CARRIED.keys()]

/** What the IP protocol tells by itself, whatever its packets say; undefined where it tells nothing. */
export const applicationOfProtocol = (protocol: Protocol): Application | undefined => CARRIED.get(protocol)

/** Protocols of which it is read what is spoken over them. Of any other nothing is ever known but what itself tells. */
export const CONVERSED = ['TCP', 'UDP'] as const satisfies readonly Protocol[]
export const isConversed = (protocol: Protocol): protocol is (typeof CONVERSED)[number] =>
  protocol === 'TCP' || protocol === 'UDP'

/** Whether an application may be what is spoken over TCP or UDP. */
export const isSpoken = (application: string): boolean => application !== 'icmp'
