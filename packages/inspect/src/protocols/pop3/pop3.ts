import { latin1 } from '../../ascii.ts'
import { CommandReader, type Line, type LineProtocol } from '../../command-reader.ts'
import { guarded } from '../../guarded.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { detail } from '../../reading.ts'

/*
 * POP3 (RFC 1939): the server greets with "+OK", the client sends commands of three or four letters on lines. STLS
 * (RFC 2595) goes over to TLS after "+OK".
 */
const COMMAND = /^(?:USER|PASS|APOP|AUTH|CAPA|STLS|STAT|LIST|UIDL|RETR|TOP|NOOP|QUIT)(?: |\r)/i

function recognise({ client, server, first }: Opening): Recognition {
  if (first === 'client' && server.length === 0) return NO
  const greeting = latin1(server, 128)
  if (!'+OK'.startsWith(greeting.slice(0, 3)) && !'-ERR'.startsWith(greeting.slice(0, 4))) return NO
  const said = latin1(client, 16)
  if (COMMAND.test(said)) return certain('greeting "+OK" and a POP3 command')
  if (/^\+OK[^\r\n]*(?:POP|<[^@]+@[^>]+>)/i.test(greeting)) return certain('greeting "+OK" that names POP3')
  return said === '' && /^(?:\+OK|-ERR)[ \r]/.test(greeting) ? likely('greeting "+OK"') : MORE
}

const WORDS: LineProtocol = {
  command(line): Line {
    const [, name = '', argument = ''] = /^([A-Za-z]{3,4})(?: (.*))?$/.exec(line) ?? []
    const command = name.toUpperCase()
    if (command === '') return {}
    const named = command === 'USER' || command === 'APOP'
    const readings = [
      detail('command', command),
      ...(named ? [detail('user', argument.split(' ')[0] ?? '')] : []),
    ]
    return command === 'STLS' ? { readings, asks: 'tls' } : { readings }
  },
  answer(line): Line {
    if (line.startsWith('+OK')) return { agrees: true }
    return line.startsWith('-ERR') ? { readings: [detail('status', '-ERR')], agrees: false } : {}
  },
}

export const pop3: Protocol = {
  application: 'pop3',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new CommandReader(WORDS)),
}
