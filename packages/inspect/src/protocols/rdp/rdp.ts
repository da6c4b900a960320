import { latin1 } from '../../ascii.ts'
import { u16 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * RDP (MS-RDPBCGR 2.2.1.1): TPKT 3 0 length(16), then X.224: length(8) 0xe0 (connect) or 0xd0 (confirm), with a cookie
 * or routing token and a negotiation 01 or 02 flags(8) 8 0.
 */
const COOKIE = /Cookie: (?:mstshash|msts)=/

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  if (client[0] !== 3 || (client[1] ?? 0) !== 0) return NO
  if (client.length < 11) return MORE
  const length = u16(client, 2)
  if (length < 11 || length > 1_024 || client[5] !== 0xe0 || client[4] !== length - 5) return NO
  const isNegotiated = client[length - 8] === 1 && u16(client, length - 6) === 0x0800
  if (COOKIE.test(latin1(client, 128)) || isNegotiated) return certain('connection request')
  return server[5] === 0xd0
    ? certain('connection request and its confirmation')
    : likely('connection request of X.224')
}

export const rdp: Protocol = { application: 'rdp', transports: ['TCP'], recognise }
