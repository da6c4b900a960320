/*
 * One message of the binary protocol (BinaryProtocolRevamped of Memcached's documentation), which Couchbase speaks too:
 *   magic(8) opcode(8) key length(16) extras length(8) data type(8) vbucket or status(16) body length(32) opaque(32) cas(64)
 *   body: extras, key, value
 */
export interface BinaryMessage {
  readonly opcode: number
  readonly dataType: number
  readonly valueLength: number
  /** What has come of it. */
  readonly value: Uint8Array
  /** With its header. */
  readonly length: number
}

export const MAGIC = { request: 0x80, response: 0x81 } as const
/** Commands that both know and that say nothing of which of them is spoken: the mechanisms that the answer names do. */
export const SASL = { listMechanisms: 0x20, step: 0x22 } as const
const HEADER_BYTES = 24
const LONGEST_KEY = 250
const LONGEST_EXTRAS = 32

/** The message that begins at `at`; undefined where its header is not all there, and 'none' where it is no header. */
export function binaryMessage(
  bytes: Uint8Array,
  at: number,
  magic: number,
): BinaryMessage | 'none' | undefined {
  if (at < bytes.length && bytes[at] !== magic) return 'none'
  if (bytes.length - at < HEADER_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at)
  const [key, extras, body] = [view.getUint16(2), view.getUint8(4), view.getUint32(8)]
  if (key > LONGEST_KEY || extras > LONGEST_EXTRAS || body < key + extras) return 'none'
  const [start, length] = [at + HEADER_BYTES + extras + key, HEADER_BYTES + body]
  return {
    opcode: view.getUint8(1),
    dataType: view.getUint8(5),
    valueLength: body - extras - key,
    value: bytes.subarray(start, at + length),
    length,
  }
}
