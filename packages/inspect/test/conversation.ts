import type { Transport } from '@sekisho/core'
import type { Opening, Protocol, Reading, Side } from '../src/index.ts'

/** Text stands for bytes of the same number (ISO 8859-1). */
export type Said = string | Uint8Array
export const bytesOf = (said: Said): Uint8Array =>
  typeof said === 'string' ? Uint8Array.from(said, character => character.charCodeAt(0)) : said

export function opening(of: { client?: Said; server?: Said; transport?: Transport; first?: Side }): Opening {
  const [client, server] = [bytesOf(of.client ?? ''), bytesOf(of.server ?? '')]
  const first = of.first ?? (client.length > 0 ? 'client' : server.length > 0 ? 'server' : undefined)
  return { transport: of.transport ?? 'TCP', client, server, ...(first && { first }) }
}

/** Everything that a protocol's reader says to a conversation; after each call the bytes are gone, as from a receive buffer. */
export function readingsOf(
  protocol: Protocol,
  said: readonly (readonly [Side, Said])[],
  transport: Transport = 'TCP',
): readonly Reading[] {
  const reader = protocol.open?.(transport)
  return said.flatMap(([side, bytes]) => {
    const received = Buffer.from(bytesOf(bytes))
    const readings = reader?.read(side, received) ?? []
    received.fill(0xee)
    return readings
  })
}

/** The same conversation with every byte in a segment of its own. */
export const byteByByte = (said: readonly (readonly [Side, Said])[]): readonly (readonly [Side, Said])[] =>
  said.flatMap(([side, bytes]) => Array.from(bytesOf(bytes), byte => [side, Uint8Array.of(byte)] as const))
