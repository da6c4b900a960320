import { u32le } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * WireGuard: type(8) zero(24), then by type 148, 92 or 64 bytes in all, or 16 and a multiple of 16.
 */
const LENGTHS: Readonly<Record<number, number>> = { 1: 148, 2: 92, 3: 64 }
const DATA = 4

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const type = u32le(bytes, 0)
  if (LENGTHS[type] !== undefined)
    return LENGTHS[type] === bytes.length ? certain('type and length of a handshake') : NO
  return type === DATA && bytes.length >= 32 && bytes.length % 16 === 0
    ? likely('type and length of data')
    : NO
}

export const wireguard: Protocol = { application: 'wireguard', transports: ['UDP'], recognise }
