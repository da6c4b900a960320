import { latin1 } from '../../ascii.ts'
import { CommandReader, type Line, type LineProtocol } from '../../command-reader.ts'
import { guarded } from '../../guarded.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { detail } from '../../reading.ts'

/*
 * SMTP (RFC 5321): the server greets with code 220 (or 421, 554), the client says EHLO, HELO or, for LMTP, LHLO.
 * STARTTLS (RFC 3207) goes over to TLS after 220. The text of a mail, behind DATA or BDAT, is not read.
 */
const GREETING = /^(?:220|421|554)[ -]/
const HELLO = /^(?:EHLO|HELO|LHLO) [^\r\n]/i

function recognise({ client, server, first }: Opening): Recognition {
  const said = latin1(client, 64)
  if (first === 'client' && server.length === 0) {
    return HELLO.test(said)
      ? likely('EHLO or HELO')
      : 'EHLO HELO LHLO'.includes(said.slice(0, 4).toUpperCase())
        ? MORE
        : NO
  }
  const greeting = latin1(server, 256)
  if (greeting.length < 4) return /^(?:2|22|220|4|42|421|5|55|554|)$/.test(greeting) ? MORE : NO
  if (!GREETING.test(greeting) || /\bFTP/i.test(greeting)) return NO
  if (HELLO.test(said)) return certain('greeting 220 and EHLO or HELO')
  if (said !== '' && !/^(?:E|H|L|Q|S|M|R|N)/i.test(said)) return NO
  return /\bE?SMTP\b|\bLMTP\b/i.test(greeting)
    ? certain('greeting 220 that names SMTP')
    : likely('greeting 220')
}

const WORDS: LineProtocol = {
  command(line): Line {
    const [, name = '', argument = ''] = /^([A-Za-z]{3,8})(?: (.*))?$/.exec(line) ?? []
    const command = name.toUpperCase()
    if (command === '') return {}
    const readings = [detail('command', command)]
    if (command === 'EHLO' || command === 'HELO') readings.push(detail('client-software', argument))
    if (command === 'STARTTLS') return { readings, asks: 'tls' }
    return command === 'DATA' || command === 'BDAT' ? { readings, ends: 'opaque' } : { readings }
  },
  answer(line): Line {
    const [, code, more] = /^(\d{3})([ -]?)/.exec(line) ?? []
    if (code === undefined || more === '-') return {}
    const readings =
      code >= '400'
        ? [detail('status', code)]
        : code === '220'
          ? [detail('server-software', line.slice(4))]
          : []
    return { readings, agrees: code === '220' }
  },
}

export const smtp: Protocol = {
  application: 'smtp',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new CommandReader(WORDS)),
}
