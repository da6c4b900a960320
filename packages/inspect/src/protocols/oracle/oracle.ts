import { latin1 } from '../../ascii.ts'
import { u16 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Oracle Net (TNS): length(16) checksum(16, 0) type(8) reserved(8) header checksum(16, 0). Type 1 connects, with a
 * description in brackets; answers are accept 2, refuse 4, redirect 5, resend 11.
 */
const CONNECT = 1
const ANSWERS: ReadonlySet<number> = new Set([2, 4, 5, 11])

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  if (client.length < 8) return client.length > 4 && client[4] !== CONNECT ? NO : MORE
  if (client[4] !== CONNECT || u16(client, 2) !== 0 || u16(client, 6) !== 0 || u16(client, 0) < 34) return NO
  if (/\((?:DESCRIPTION|ADDRESS|CONNECT_DATA)\s*=/i.test(latin1(client, 1_024)))
    return certain('connect with a description')
  if (server.length < 5) return MORE
  return ANSWERS.has(server[4] ?? 0) && u16(server, 2) === 0 ? certain('connect and its answer') : NO
}

export const oracle: Protocol = { application: 'oracle', transports: ['TCP'], recognise }
