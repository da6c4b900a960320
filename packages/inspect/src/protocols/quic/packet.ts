import { Malformed, Reader } from '@sekisho/core'
import { type QuicVersion, quicVersion } from './versions.ts'

/*
 * Long header (RFC 9000 section 17.2):
 *   1 1 type(2) protected(4)   version(32)   <destination id>8   <source id>8
 *   Initial (section 17.2.2):  token: length(v) bytes,   length(v) of what follows: packet number and frames
 * v: the two highest bits tell of how many bytes the number is, 1, 2, 4 or 8 (section 16).
 * Several packets may share a datagram (section 12.2).
 */
const FORM_BIT = 0x80
const FIXED_BIT = 0x40
const LONGEST_ID = 20

export interface LongHeader {
  readonly first: number
  readonly version: number
  readonly destination: Uint8Array
}

export interface Initial {
  readonly version: QuicVersion
  readonly destination: Uint8Array
  /** From its first byte to its last. */
  readonly packet: Uint8Array
  readonly numberAt: number
}

/** A number of RFC 9000 section 16; one beyond what is exact is longer than any packet. */
export function variable(reader: Reader): number {
  const first = reader.u8()
  let value = first & 0x3f
  for (let left = (1 << (first >> 6)) - 1; left > 0; left--) value = value * 256 + reader.u8()
  return value
}

/** @returns undefined where it has a short header; raises `Malformed`. */
export function longHeader(reader: Reader): LongHeader | undefined {
  const first = reader.u8()
  if (!(first & FORM_BIT)) return undefined
  const version = reader.u32be()
  const destination = reader.bytes(reader.u8())
  const source = reader.bytes(reader.u8())
  if (destination.length > LONGEST_ID || source.length > LONGEST_ID)
    throw new Malformed('connection id longer than is allowed', reader.at)
  return { first, version, destination }
}

/** The Initial packets of a datagram, those of versions that can be read. Raises `Malformed`. */
export function initialsOf(datagram: Uint8Array): readonly Initial[] {
  const initials: Initial[] = []
  const reader = new Reader(datagram)
  while (reader.left > 0) {
    const start = reader.at
    const header = longHeader(reader)
    const version = header && quicVersion(header.version)
    // After a packet of another form nobody can tell where the next one begins.
    if (!version || !(header.first & FIXED_BIT)) return initials
    const type = (header.first >> 4) & 0x03
    if (type === version.initial) reader.skip(variable(reader))
    else if (type === (version.initial + 3) % 4) return initials // Retry has no length and comes alone.
    const length = variable(reader)
    const numberAt = reader.at - start
    reader.skip(length)
    if (type !== version.initial) continue
    const packet = datagram.subarray(start, reader.at)
    initials.push({ version, destination: header.destination, packet, numberAt })
  }
  return initials
}
