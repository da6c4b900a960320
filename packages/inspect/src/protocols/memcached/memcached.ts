import { latin1 } from '../../ascii.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Memcached (protocol.txt and BinaryProtocolRevamped of its documentation). Text: commands on lines. Binary:
 *   magic 0x80 opcode(8) key length(16) extras(8) type(8) vbucket(16) body length(32) …   answers with magic 0x81
 * Over UDP eight bytes stand before either: request(16) sequence(16) datagrams(16) zero(16).
 */
const COMMAND =
  /^(?:gets? [^\s]{1,250}(?: [^\s]{1,250})*|(?:set|add|replace|append|prepend) [^\s]{1,250} \d+ -?\d+ \d+(?: noreply)?|(?:delete|incr|decr|touch) [^\s]{1,250}(?: \d+)?(?: noreply)?|m[gsdan] [^\s]{1,250}[^\r\n]*|stats(?: [a-z]+)?|version|flush_all(?: \d+)?|verbosity \d+|mn)\r\n/
const BEGINS =
  /^(?:gets? |set |add |replace |append |prepend |delete |incr |decr |touch |m[gsdan] |stats|version|flush_all|verbosity )/
const ANSWER =
  /^(?:VALUE |STORED|NOT_STORED|END|DELETED|NOT_FOUND|TOUCHED|EXISTS|OK|VERSION |STAT |ERROR|CLIENT_ERROR|SERVER_ERROR|\d+|HD|VA |EN|NF|MN)/
const REQUEST = 0x80
const RESPONSE = 0x81
const OPCODES = 0x48
const UDP_HEADER = 8

function recognise(opening: Opening): Recognition {
  const skipped = opening.transport === 'UDP' ? UDP_HEADER : 0
  const [client, server] = [opening.client.subarray(skipped), opening.server.subarray(skipped)]
  if (skipped > 0 && !isUdpHeader(opening.client) && !isUdpHeader(opening.server)) {
    return opening.client.length + opening.server.length === 0 ? MORE : NO
  }
  if (client[0] === REQUEST || server[0] === RESPONSE) return binary(client, server)
  const said = latin1(client, 512)
  const answered = latin1(server, 32)
  if (said === '')
    return answered === '' ? MORE : ANSWER.test(answered) && skipped > 0 ? likely('answer') : NO
  if (answered !== '' && !ANSWER.test(answered)) return NO
  if (COMMAND.test(said)) return answered === '' ? likely('command on a line') : certain('command and answer')
  return BEGINS.test(said) && !said.includes('\n') ? MORE : NO
}

const isUdpHeader = (bytes: Uint8Array): boolean =>
  bytes.length > UDP_HEADER && bytes[4] === 0 && (bytes[5] ?? 0) > 0 && bytes[6] === 0 && bytes[7] === 0

function binary(client: Uint8Array, server: Uint8Array): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length < 24) return MORE
  const [keys, extras, type] = [((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0), bytes[4] ?? 0, bytes[5]]
  const body = ((bytes[8] ?? 0) << 24) | ((bytes[9] ?? 0) << 16) | ((bytes[10] ?? 0) << 8) | (bytes[11] ?? 0)
  const fits =
    (bytes[1] ?? 0) <= OPCODES && type === 0 && keys <= 250 && extras <= 20 && body >= keys + extras
  return fits ? certain('binary header') : NO
}

export const memcached: Protocol = { application: 'memcached', transports: ['TCP', 'UDP'], recognise }
