import { type IpRange, inRanges, mergeRanges, parseIp, type Transport } from '@sekisho/core'
import type { ApplicationName } from './conversation.ts'

/** A user says what is spoken at some servers, whatever the bytes look like. */
export interface Override {
  readonly application: ApplicationName
  readonly transport: Transport
  /** Of servers; empty: any. */
  readonly addresses: readonly IpRange[]
  /** First and last, both inside; empty: any. */
  readonly ports: readonly (readonly [first: number, last: number])[]
}

/** The application of the first override that is about a server; asked once for each conversation. */
export type Overrides = (transport: Transport, address: string, port: number) => ApplicationName | undefined

export function compileOverrides(overrides: readonly Override[]): Overrides {
  const compiled = overrides.map(override => ({ ...override, addresses: mergeRanges(override.addresses) }))
  if (compiled.length === 0) return () => undefined
  return (transport, address, port) => {
    const ip = parseIp(address)
    return compiled.find(
      one =>
        one.transport === transport &&
        (one.ports.length === 0 || one.ports.some(([first, last]) => first <= port && port <= last)) &&
        (one.addresses.length === 0 || (ip !== undefined && inRanges(one.addresses, ip))),
    )?.application
  }
}
