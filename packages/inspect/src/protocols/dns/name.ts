import { Malformed } from '@sekisho/core'

/*
 * Domain name (RFC 1035 sections 3.1 and 4.1.4): labels of length(8) and so many bytes, up to an empty one, or a pointer
 *   11 offset(14)   to a name that came before in the message
 */
const NAME_BYTES = 255
const POINTER = 0xc0

export interface NameAt {
  /** Lower case, without last dot; a byte that no host name has is written as in zone files, `\046`. */
  readonly name: string
  /** Where what follows it begins. */
  readonly next: number
}

/** @param message from its header, as pointers count; raises `Malformed`. */
export function nameAt(message: Uint8Array, start: number): NameAt {
  const labels: string[] = []
  let next = -1
  let bytes = 1
  // A pointer must lead to before the name it is part of: a loop would have to lead forwards once.
  let first = start
  for (let at = start; ; ) {
    const length = byteAt(message, at)
    if (length >= POINTER) {
      if (next < 0) next = at + 2
      const target = ((length - POINTER) << 8) | byteAt(message, at + 1)
      if (target >= first) throw new Malformed('pointer that does not lead back', at)
      at = first = target
      continue
    }
    if (length > 63) throw new Malformed('label of no known kind', at)
    bytes += length + 1
    if (bytes > NAME_BYTES) throw new Malformed('name longer than is allowed', at)
    if (length === 0) return { name: labels.join('.'), next: next < 0 ? at + 1 : next }
    if (at + 1 + length > message.length) throw new Malformed('name cut short', at)
    labels.push(labelOf(message.subarray(at + 1, at + 1 + length)))
    at += 1 + length
  }
}

function byteAt(message: Uint8Array, at: number): number {
  const byte = message[at]
  if (byte === undefined) throw new Malformed('name cut short', at)
  return byte
}

const DOT = 0x2e
const BACKSLASH = 0x5c

/** A dot inside a label must not look like one between two: "evil\046example.com" is no host of example.com. */
function labelOf(bytes: Uint8Array): string {
  let label = ''
  for (const byte of bytes) {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== DOT && byte !== BACKSLASH
    label += isPlain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`
  }
  return label.toLowerCase()
}
