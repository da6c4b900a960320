import {
  type ApplicationDefinition,
  type ApplicationName,
  inRanges,
  mergeRanges,
  parseIp,
  type Transport,
} from '@sekisho/core'

/** The application that is taken for granted at a server, by the first definition; asked once for each conversation. */
export type Overrides = (transport: Transport, address: string, port: number) => ApplicationName | undefined

export function compileOverrides(definitions: readonly ApplicationDefinition[]): Overrides {
  const compiled = definitions.flatMap(({ application, transport, overrides }) =>
    overrides.map(({ addresses, ports }) => ({
      application,
      transport,
      ports,
      addresses: mergeRanges(addresses),
    })),
  )
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
