import { Malformed, Reader } from '@sekisho/core'
import { errnoName } from '../libc.ts'

/**
 * Netlink messages (RFC 3549 section 2.3.2, include/uapi/linux/netlink.h). Headers are in host byte order,
 * little-endian on every machine Sekisho supports:
 *
 *     nlmsghdr  length:u32 (with header) type:u16 flags:u16 sequence:u32 port:u32
 *     nlattr    length:u16 (with header) type:u16 (top two bits: nested, network order)
 *
 * Both are padded to four bytes; the padding is not counted in the length.
 */
export const NLM = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  dump: 0x300,
  replace: 0x100,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
} as const

export const NLMSG = { noop: 1, error: 2, done: 3, overrun: 4 } as const

const HEADER = 16
export const ATTRIBUTE_HEADER = 4
export const TYPE_MASK = 0x3fff
const NESTED = 0x8000

export const padding = (length: number): number => -length & 3

export interface MessageHeader {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** The receiver's port id; 0 for multicast. Who *sent* it is in the socket address, checked by the ring. */
  readonly port: number
}

/** Calls `visit` for each message in one or more datagrams. Raises `Malformed`. */
export function eachMessage(bytes: Uint8Array, visit: (header: MessageHeader, body: Reader) => void): void {
  const reader = new Reader(bytes)
  while (reader.left > 0) {
    const length = reader.u32le()
    if (length < HEADER) throw new Malformed(`message length ${length}`, reader.at)
    const header = {
      type: reader.u16le(),
      flags: reader.u16le(),
      sequence: reader.u32le(),
      port: reader.u32le(),
    }
    visit(header, reader.sub(length - HEADER))
    reader.skip(Math.min(padding(length), reader.left))
  }
}

/** Calls `visit` for each attribute; unknown types are the visitor's to ignore. Raises `Malformed`. */
export function eachAttribute(reader: Reader, visit: (type: number, value: Reader) => void): void {
  while (reader.left > 0) {
    const length = reader.u16le()
    if (length < ATTRIBUTE_HEADER) throw new Malformed(`attribute length ${length}`, reader.at)
    const type = reader.u16le() & TYPE_MASK
    visit(type, reader.sub(length - ATTRIBUTE_HEADER))
    reader.skip(Math.min(padding(length), reader.left))
  }
}

const DECODER = new TextDecoder()

/** A string attribute, without its terminating NUL. */
export function text(value: Reader): string {
  const bytes = value.bytes(value.left)
  const end = bytes.indexOf(0)
  return DECODER.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** A big-endian u64; without big integers, which would cost more. 2^53 bytes are 9 petabytes. */
export const u64 = (value: Reader): number => value.u32be() * 0x1_0000_0000 + value.u32be()

const NLMSGERR_ATTR_MSG = 1
const CAPPED = 0x100

export interface Acknowledgement {
  /** 0 for success. */
  readonly errno: number
  /** The kernel's own sentence (extended acknowledgement), often empty. */
  readonly detail: string
}

/** Body of NLMSG_ERROR and NLMSG_DONE: a negative errno, the request (capped), attributes. */
export function parseAcknowledgement(header: MessageHeader, body: Reader): Acknowledgement {
  if (body.left < 4) return { errno: 0, detail: '' }
  const errno = -(body.u32le() | 0)
  if (errno === 0) return { errno, detail: '' }
  return { errno, detail: header.type === NLMSG.error ? errorDetail(header, body) : '' }
}

function errorDetail(header: MessageHeader, body: Reader): string {
  const length = body.u32le()
  body.skip(HEADER - 4)
  if (!(header.flags & CAPPED)) body.skip(Math.min(length - HEADER + padding(length), body.left))
  let detail = ''
  eachAttribute(body, (type, value) => {
    if (type === NLMSGERR_ATTR_MSG) detail = text(value)
  })
  return detail
}

export const acknowledgementText = ({ errno, detail }: Acknowledgement): string =>
  detail === '' ? errnoName(errno) : `${errnoName(errno)}: ${detail}`

/* Encoding: small byte strings put together; requests are few and short. */

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export const u8 = (value: number): Uint8Array => Uint8Array.of(value)
export const u16be = (value: number): Uint8Array => Uint8Array.of(value >> 8, value)
export const u32be = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
export const u32le = (value: number): Uint8Array => u32be(value).reverse()
export const nulTerminated = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`)

export function attribute(type: number, value: Uint8Array): Uint8Array {
  const length = ATTRIBUTE_HEADER + value.length
  return concat(Uint8Array.of(length, length >> 8, type, type >> 8), value, new Uint8Array(padding(length)))
}

export const nested = (type: number, ...attributes: readonly Uint8Array[]): Uint8Array =>
  attribute(type | NESTED, concat(...attributes))

export function message(header: Omit<MessageHeader, 'port'>, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + body.length + padding(body.length))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, HEADER + body.length, true)
  view.setUint16(4, header.type, true)
  view.setUint16(6, header.flags, true)
  view.setUint32(8, header.sequence, true)
  bytes.set(body, HEADER)
  return bytes
}
