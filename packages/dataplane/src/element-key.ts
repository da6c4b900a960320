import { addressBytes, familyBits, parseIp, protocolNumber } from '@sekisho/core'
import type { KeyRange, KeyType } from '@sekisho/linux'
import { hostU32, u16 } from './field.ts'
import { memo } from './memo.ts'
import { addressText } from './names.ts'

/** Keys of elements as the kernel compares them, from our own nft text. */

const address = (text: string): Uint8Array => addressText(text).bytes

/** An interface name is plain ASCII (`quoteInterface`), and fills its 16 bytes with zeros. */
function interfaceName(quoted: string): Uint8Array {
  const bytes = new Uint8Array(16)
  for (let at = 1; at < quoted.length - 1; at++) bytes[at - 1] = quoted.charCodeAt(at)
  return bytes
}

const TRANSPORTS = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' } as const
function transport(text: string): Uint8Array {
  if (!(text in TRANSPORTS)) throw new TypeError(`not a transport: ${JSON.stringify(text)}`)
  return Uint8Array.of(protocolNumber(TRANSPORTS[text as keyof typeof TRANSPORTS]))
}

/** Two halves in hexadecimal, as `tc` writes a class; the same class comes for each of its addresses. */
const classid = memo(text => {
  const halves = /^(?<major>[0-9a-f]{1,4}):(?<minor>[0-9a-f]{1,4})$/.exec(text)?.groups
  if (!halves) throw new TypeError(`not a class: ${JSON.stringify(text)}`)
  const { major = '', minor = '' } = halves
  return hostU32((Number.parseInt(major, 16) << 16) | Number.parseInt(minor, 16))
})

const NF_PROTOCOLS = new Map([
  ['ipv4', 2],
  ['ipv6', 10],
])
function nfProtocol(text: string): Uint8Array {
  const number = NF_PROTOCOLS.get(text)
  if (number === undefined) throw new TypeError(`not a family: ${JSON.stringify(text)}`)
  return Uint8Array.of(number)
}

const ENCODE: Record<KeyType, (text: string) => Uint8Array> = {
  ipv4_addr: address,
  ipv6_addr: address,
  ifname: interfaceName,
  iface_index: text => hostU32(Number(text)),
  nf_proto: nfProtocol,
  inet_proto: transport,
  inet_service: text => u16(Number(text)),
  mark: text => hostU32(Number(text)),
  classid,
}

/** Parts of a concatenation fill whole registers of four bytes each. */
export function keyBytes(types: readonly KeyType[], key: string): Uint8Array {
  if (types.length === 1 && types[0]) return ENCODE[types[0]](key)
  const parts = key.split(' . ').map((text, index) => {
    const type = types[index]
    if (!type) throw new TypeError(`too many parts: ${JSON.stringify(key)}`)
    return ENCODE[type](text)
  })
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + ((part.length + 3) & ~3), 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += (part.length + 3) & ~3
  }
  return bytes
}

/** A range as nft text: one address, a prefix, or first and last. */
export function rangeBytes(text: string): KeyRange {
  const [first = '', second] = text.split('-')
  if (second !== undefined) return { first: address(first), last: address(second) }
  const [base = '', prefix] = first.split('/')
  const ip = parseIp(base)
  if (!ip) throw new TypeError(`not a range: ${JSON.stringify(text)}`)
  if (prefix === undefined) return { first: addressBytes(ip), last: addressBytes(ip) }
  const size = 1n << BigInt(familyBits(ip.family) - Number(prefix))
  return { first: addressBytes(ip), last: addressBytes({ ...ip, value: ip.value + size - 1n }) }
}
