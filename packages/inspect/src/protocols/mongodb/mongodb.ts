import { latin1 } from '../../ascii.ts'
import { guarded } from '../../guarded.ts'
import { u32le } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { HEADER_BYTES, isOperation, MESSAGE_MAX, MongoReader, OPERATION } from './reader.ts'

const SECTION_AT = 20
const SECTION_KINDS = 2

function recognise({ client, server, first }: Opening): Recognition {
  if (client.length === 0 && server.length === 0) return MORE
  // Of a connection that was met later the server may be the first to be heard.
  if (first === 'server') return client.length === 0 ? ofMessage(server) : ofMessage(client)
  const asked = ofMessage(client)
  if (asked.kind !== 'likely' || server.length < HEADER_BYTES) return asked
  return u32le(server, 8) === u32le(client, 4) && ofMessage(server).kind !== 'no'
    ? certain('message and an answer with its number')
    : NO
}

function ofMessage(bytes: Uint8Array): Recognition {
  if (bytes.length < 4) return MORE
  const length = u32le(bytes, 0)
  if (length <= HEADER_BYTES || length > MESSAGE_MAX) return NO
  if (bytes.length < HEADER_BYTES) return MORE
  const operation = u32le(bytes, 12)
  if (!isOperation(operation)) return NO
  if (bytes.length <= SECTION_AT) return bytes.length < length ? MORE : NO
  if (operation === OPERATION.message)
    return (bytes[SECTION_AT] ?? 0) < SECTION_KINDS ? certain('OP_MSG') : NO
  if (operation === OPERATION.query)
    return /^[^\0./ "$]{1,64}\.[^\0]*(?:\0|$)/.test(latin1(bytes.subarray(SECTION_AT), 256))
      ? certain('OP_QUERY on a collection')
      : NO
  return likely('header of a message')
}

/** MongoDB and what speaks like it: DocumentDB, FerretDB, Cosmos DB. */
export const mongodb: Protocol = {
  application: 'mongodb',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new MongoReader()),
}
