import { latin1 } from '../../ascii.ts'
import { CommandReader, type Line, type LineProtocol } from '../../command-reader.ts'
import { guarded } from '../../guarded.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { detail } from '../../reading.ts'

/*
 * IMAP (RFC 9051): the server greets with "* OK", "* PREAUTH" or "* BYE"; a client's line is a tag, a command and its
 * arguments. After STARTTLS and a tagged OK both speak TLS. Literals (of mails) are passed over as lines.
 */
const GREETINGS = ['* OK', '* PREAUTH', '* BYE'] as const

function recognise({ server, client, first }: Opening): Recognition {
  if (first === 'client' && server.length === 0 && client.length > 0) return NO
  const greeting = latin1(server, 64)
  const found = GREETINGS.find(known => greeting.startsWith(known))
  if (found) return certain(`greeting "${found}"`)
  return GREETINGS.some(known => known.startsWith(greeting)) ? MORE : NO
}

const WORDS: LineProtocol = {
  command(line): Line {
    const [, name = '', argument = ''] = /^[^ ]{1,32} (?:UID )?([A-Za-z]{2,16})(?: (.*))?$/i.exec(line) ?? []
    const command = name.toUpperCase()
    if (command === '') return {}
    const user = command === 'LOGIN' ? [detail('user', /^"?([^" ]*)/.exec(argument)?.[1] ?? '')] : []
    const readings = [detail('command', command), ...user]
    return command === 'STARTTLS' ? { readings, asks: 'tls' } : { readings }
  },
  answer(line): Line {
    const status = /^(?!\*)[^ ]{1,32} (OK|NO|BAD)/.exec(line)?.[1]
    if (status === undefined) return {}
    return { readings: status === 'OK' ? [] : [detail('status', status)], agrees: status === 'OK' }
  },
}

export const imap: Protocol = {
  application: 'imap',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new CommandReader(WORDS)),
}
