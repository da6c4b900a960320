import { u16 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * OpenVPN (doc/protocol-overview.txt): [length(16) over TCP] operation(5 bits) key(3 bits) session(8 bytes) … A client
 * begins with a hard reset, 1, 7 or 10, which the server answers with 2 or 8.
 */
const CLIENT: ReadonlySet<number> = new Set([0x08, 0x38, 0x50])
const SERVER: ReadonlySet<number> = new Set([0x10, 0x40])
const RESET_MIN = 14
const RESET_MAX = 600

function recognise({ client, server, transport }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const at = transport === 'TCP' ? 2 : 0
  const length = transport === 'TCP' ? u16(client, 0) : client.length
  if (length < RESET_MIN || length > RESET_MAX)
    return transport === 'TCP' && client.length < 2 && client[0] === 0 ? MORE : NO
  if (client.length > at && !CLIENT.has(client[at] ?? 0)) return NO
  if (client.length < at + RESET_MIN) return MORE
  if (server.length === 0) return transport === 'TCP' ? MORE : likely('hard reset of a client')
  return SERVER.has(server[at] ?? 0) ? certain('hard resets of both sides') : NO
}

export const openvpn: Protocol = { application: 'openvpn', transports: ['TCP', 'UDP'], recognise }
