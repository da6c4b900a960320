import { latin1 } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { type BinaryMessage, binaryMessage, MAGIC, SASL } from '../memcached/binary.ts'

/*
 * Couchbase's key-value protocol (docs/BinaryProtocol.md of its kv_engine): Memcached's binary messages, with commands
 * that Memcached has not. Its clients say HELLO first, with what they are as the key and features of 16 bits each as the
 * value, or ask for the mechanisms to sign in, whose names have no hyphen before the number as they have elsewhere.
 * A conversation of nothing but commands that both have is Memcached's.
 */
const HELLO = 0x1f
/** From here on Memcached has none: buckets (SET_VBUCKET is the first), replication, collections, parts of documents. */
const FIRST_OWN = 0x3d
/** Bits for JSON, compressed and extended attributes. */
const DATA_TYPES = 0b111
const MECHANISM = /\bSCRAM-SHA(?:1|256|512)\b/

const isOwn = ({ opcode, valueLength }: BinaryMessage): boolean =>
  opcode === HELLO ? valueLength % 2 === 0 : opcode >= FIRST_OWN

/** What the messages of one side tell, as far as they have come. */
function ofSide(bytes: Uint8Array, magic: number): Recognition {
  for (let at = 0; at < bytes.length; ) {
    const message = binaryMessage(bytes, at, magic)
    if (message === undefined) return MORE
    if (message === 'none' || message.dataType > DATA_TYPES) return NO
    const { opcode, value, length } = message
    if (isOwn(message)) return certain(`command 0x${opcode.toString(16)}`)
    if (opcode === SASL.listMechanisms && MECHANISM.test(latin1(value))) return certain('names of mechanisms')
    at += length
  }
  return MORE
}

function recognise({ client, server }: Opening): Recognition {
  const asked = ofSide(client, MAGIC.request)
  return asked.kind === 'more' ? ofSide(server, MAGIC.response) : asked
}

export const couchbase: Protocol = { application: 'couchbase', transports: ['TCP'], recognise }
