import { Malformed } from '@sekisho/core'
import { type BoldReader, guarded } from '../../guarded.ts'
import {
  certain,
  MORE,
  NO,
  type Opening,
  type Protocol,
  type Recognition,
  type Side,
} from '../../protocol.ts'
import type { Reading } from '../../reading.ts'
import { answerReadings } from '../dns/answer.ts'
import { parseMessage } from '../dns/message.ts'
import { isMulticast, shapeOf } from '../dns/recognise.ts'
import { typeName } from '../dns/words.ts'

/*
 * Multicast DNS (RFC 6762): DNS messages without an id, for names below "local". Several questions in a message are
 * allowed, answers need no question, and nobody vouches for them: they name no addresses to rules.
 */

function recognise({ client, server }: Opening): Recognition {
  const said = [client, server].filter(bytes => bytes.length > 0)
  if (said.length === 0) return MORE
  const shapes = said.map(shapeOf)
  return shapes.every(shape => shape && isMulticast(shape))
    ? certain('DNS message without an id for "local"')
    : NO
}

class MdnsReader implements BoldReader {
  read(_: Side, bytes: Uint8Array, found: Reading[]): void {
    const message = parseMessage(bytes)
    if (message.isAnswer) {
      found.push(...answerReadings(message, undefined))
      return
    }
    if (message.asked.length === 0) throw new Malformed('question without a question', 0)
    for (const { name, type } of message.asked)
      found.push({ kind: 'request', request: { kind: 'dns', name, type: typeName(type) } })
  }
}

export const mdns: Protocol = {
  application: 'mdns',
  transports: ['UDP'],
  recognise,
  open: () => guarded(new MdnsReader()),
}
