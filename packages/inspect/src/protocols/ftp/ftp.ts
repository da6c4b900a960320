import { latin1 } from '../../ascii.ts'
import { CommandReader, type Line, type LineProtocol } from '../../command-reader.ts'
import { guarded } from '../../guarded.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { detail } from '../../reading.ts'

/*
 * FTP's control connection (RFC 959): the server greets with code 220 (or 120, 421), the client sends commands on
 * lines. AUTH TLS (RFC 4217) goes over to TLS after 234.
 */
const GREETING = /^(?:120|220|421)[ -]/
const COMMAND =
  /^(?:USER|PASS|AUTH (?:TLS|SSL)|FEAT|SYST|OPTS|CLNT|PASV|EPSV|PORT|EPRT|TYPE|CWD|PWD|LIST|RETR|STOR|HOST|QUIT)(?: |\r?$)/i
const OTHER_COMMAND = /^(?:EHLO|HELO|LHLO|MAIL|RSET)/i

function recognise({ client, server, first }: Opening): Recognition {
  if (first === 'client' && server.length === 0) return commandAlone(latin1(client, 64))
  const greeting = latin1(server, 256)
  if (first === 'client' && !GREETING.test(greeting)) return commandAnswered(latin1(client, 64), greeting)
  if (greeting.length < 4) return /^(?:1|12|120|2|22|220|4|42|421|)$/.test(greeting) ? MORE : NO
  if (!GREETING.test(greeting)) return NO
  const said = latin1(client, 64)
  if (OTHER_COMMAND.test(said) || /\bE?SMTP\b/i.test(greeting)) return NO
  if (COMMAND.test(said.split('\n')[0] ?? '')) return certain('greeting 220 and an FTP command')
  if (/\bFTP|FileZilla|vsftpd|ProFTPD/i.test(greeting)) return certain('greeting 220 that names FTP')
  return said === '' ? likely('greeting 220') : MORE
}

/** Of a connection that was met after its greeting. */
const commandAlone = (said: string): Recognition => {
  if (/^(?:USER [^\r\n]+|AUTH (?:TLS|SSL)|FEAT|SYST)\r\n/i.test(said)) return likely('FTP command')
  return said.length < 4 || COMMAND.test(said.split('\n')[0] ?? '') ? MORE : NO
}
const commandAnswered = (said: string, answered: string): Recognition => {
  if (!COMMAND.test(said.split('\n')[0] ?? '')) return NO
  if (answered.length < 4) return /^\d{0,3}$/.test(answered) ? MORE : NO
  return /^[1-5]\d\d[ -]/.test(answered) ? likely('FTP command and a reply with a code') : NO
}

/** A reply that ends: a code and a blank; with a hyphen more lines follow. */
const REPLY = /^(\d{3}) ?/

const WORDS: LineProtocol = {
  command(line): Line {
    const [, name = '', argument = ''] = /^([A-Za-z]{3,8})(?: (.*))?$/.exec(line) ?? []
    const command = name.toUpperCase()
    if (command === '') return {}
    const user = command === 'USER' && argument !== '' ? [detail('user', argument)] : []
    const readings = [detail('command', command), ...user]
    return command === 'AUTH' ? { readings, asks: 'tls' } : { readings }
  },
  answer(line): Line {
    const code = REPLY.exec(line)?.[1]
    if (code === undefined) return {}
    const greets = code === '220' ? [detail('server-software', line.slice(4))] : []
    return {
      readings: [...greets, ...(code >= '400' ? [detail('status', code)] : [])],
      agrees: code === '234',
    }
  },
}

export const ftp: Protocol = {
  application: 'ftp',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new CommandReader(WORDS)),
}
