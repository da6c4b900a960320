import { latin1 } from '../../ascii.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Syslog (RFC 5424, RFC 3164): "<" priority up to 191 ">", then "1 " or a date; over TCP (RFC 6587) also behind a count.
 */
const MESSAGE = /^(?:\d{1,5} )?<(\d{1,3})>(1 (?:\d{4}-|- )|[A-Z][a-z]{2} [ \d]\d )?/

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const said = latin1(client, 64)
  const found = MESSAGE.exec(said)
  if (!found) return said.length < 12 && /^(?:\d{0,5} ?)?<?\d{0,3}$/.test(said) ? MORE : NO
  if (Number(found[1]) > 191 || server.length > 0) return NO
  return found[2] === undefined ? likely('priority') : certain('priority and date')
}

export const syslog: Protocol = { application: 'syslog', transports: ['TCP', 'UDP'], recognise }
