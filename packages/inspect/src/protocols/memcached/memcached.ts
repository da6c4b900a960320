import { latin1 } from '../../ascii.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { binaryMessage, MAGIC, SASL } from './binary.ts'

/*
 * Memcached (protocol.txt of its documentation). Text: commands on lines. Binary: see `BinaryMessage`. Over UDP eight bytes
 * stand before either: request(16) sequence(16) datagrams(16) zero(16).
 */
const COMMAND =
  /^(?:gets? [^\s]{1,250}(?: [^\s]{1,250})*|(?:set|add|replace|append|prepend) [^\s]{1,250} \d+ -?\d+ \d+(?: noreply)?|(?:delete|incr|decr|touch) [^\s]{1,250}(?: \d+)?(?: noreply)?|m[gsdan] [^\s]{1,250}[^\r\n]*|stats(?: [a-z]+)?|version|flush_all(?: \d+)?|verbosity \d+|mn)\r\n/
const BEGINS =
  /^(?:gets? |set |add |replace |append |prepend |delete |incr |decr |touch |m[gsdan] |stats|version|flush_all|verbosity )/
const ANSWER =
  /^(?:VALUE |STORED|NOT_STORED|END|DELETED|NOT_FOUND|TOUCHED|EXISTS|OK|VERSION |STAT |ERROR|CLIENT_ERROR|SERVER_ERROR|\d+|HD|VA |EN|NF|MN)/
const UDP_HEADER = 8

function recognise(opening: Opening): Recognition {
  const skipped = opening.transport === 'UDP' ? UDP_HEADER : 0
  const [client, server] = [opening.client.subarray(skipped), opening.server.subarray(skipped)]
  if (skipped > 0 && !isUdpHeader(opening.client) && !isUdpHeader(opening.server)) {
    return opening.client.length + opening.server.length === 0 ? MORE : NO
  }
  if (client[0] === MAGIC.request || server[0] === MAGIC.response) return binary(client, server)
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

/** What has no number here is Couchbase's. */
const isCommand = (opcode: number): boolean =>
  opcode <= 0x1e || (opcode >= 0x20 && opcode <= 0x24) || (opcode >= 0x30 && opcode <= 0x3c)

function binary(client: Uint8Array, server: Uint8Array): Recognition {
  const [bytes, magic] = client.length > 0 ? [client, MAGIC.request] : [server, MAGIC.response]
  const message = binaryMessage(bytes, 0, magic)
  if (message === undefined) return MORE
  if (message === 'none' || message.dataType !== 0 || !isCommand(message.opcode)) return NO
  const signsIn = message.opcode >= SASL.listMechanisms && message.opcode <= SASL.step
  return signsIn ? likely('binary header, signs in') : certain('binary header')
}

export const memcached: Protocol = { application: 'memcached', transports: ['TCP', 'UDP'], recognise }
