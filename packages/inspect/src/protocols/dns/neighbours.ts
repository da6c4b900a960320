import { Malformed } from '@sekisho/core'
import type { BoldReader } from '../../guarded.ts'
import type { Side } from '../../protocol.ts'
import type { Reading } from '../../reading.ts'
import { answerReadings } from './answer.ts'
import { parseMessage } from './message.ts'
import { typeName } from './words.ts'

/** Reads messages among neighbours, mDNS and LLMNR: nobody vouches for the answers, so they name no addresses to rules. */
export class NeighbourReader implements BoldReader {
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
