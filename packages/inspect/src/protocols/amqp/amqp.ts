import { startsWith } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * AMQP: the client begins with "AMQP" and four bytes: 0 0 9 1 (0-9-1), 0 or 2 or 3 with 1 0 0 (1.0, its TLS and its
 * SASL), 1 1 0 9 and 1 1 0 10 (0-9 and 0-10), 1 1 8 0 and 1 1 9 1 as old clients have it.
 */
const VERSIONS: ReadonlySet<string> = new Set([
  '0 0 9 1',
  '0 1 0 0',
  '2 1 0 0',
  '3 1 0 0',
  '1 1 0 9',
  '1 1 0 10',
  '1 1 8 0',
  '1 1 9 1',
])

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  if (startsWith(client, 'AMQP') === 'no') return NO
  if (client.length < 8) return MORE
  return VERSIONS.has(client.subarray(4, 8).join(' ')) ? certain('header "AMQP"') : NO
}

export const amqp: Protocol = { application: 'amqp', transports: ['TCP'], recognise }
