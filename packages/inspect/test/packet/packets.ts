import { parseIp } from '@sekisho/core'

/** What a test packet is made of; lengths and checksums are filled in unless they are given. */
export interface PacketOf {
  readonly source?: string
  readonly destination?: string
  readonly protocol?: number
  readonly hops?: number
  /** From the transport header on. */
  readonly transport?: Uint8Array
  /** IPv4 options or IPv6 extension headers, and the protocol number that announces the first of the latter. */
  readonly extra?: Uint8Array
  readonly announces?: number
  readonly totalLength?: number
  /** IPv4: flags and offset of fragments. */
  readonly fragment?: number
}

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]

export function addressBytes(text: string): number[] {
  const ip = parseIp(text)
  if (!ip) throw new TypeError(`not an address: ${text}`)
  const length = ip.family === 4 ? 4 : 16
  return Array.from({ length }, (_, i) => Number((ip.value >> BigInt((length - 1 - i) * 8)) & 0xffn))
}

export function internetChecksum(bytes: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** Writes a checksum into a transport header, over the pseudo-header of these addresses. */
function filled(of: Required<Pick<PacketOf, 'source' | 'destination' | 'protocol' | 'transport'>>): number[] {
  const at = of.protocol === 6 ? 16 : of.protocol === 17 ? 6 : undefined
  const bytes = [...of.transport]
  if (at === undefined || bytes.length < at + 2) return bytes
  const pseudo = [
    ...addressBytes(of.source),
    ...addressBytes(of.destination),
    ...u32(bytes.length),
    0,
    0,
    0,
    of.protocol,
  ]
  const checksum = internetChecksum([...pseudo, ...bytes])
  bytes.splice(at, 2, ...u16(checksum))
  return bytes
}

export function packet(of: PacketOf): Uint8Array {
  const source = of.source ?? '192.0.2.1'
  const destination = of.destination ?? (source.includes(':') ? '2001:db8::2' : '192.0.2.2')
  const { protocol = 6, hops = 64, transport = tcp({}), extra = new Uint8Array() } = of
  const body = filled({ source, destination, protocol, transport })
  if (source.includes(':')) {
    const length = u16(of.totalLength ?? extra.length + body.length)
    const next = of.announces ?? protocol
    const ends = [...addressBytes(source), ...addressBytes(destination)]
    return Uint8Array.from([0x60, 0, 0, 0, ...length, next, hops, ...ends, ...extra, ...body])
  }
  const length = u16(of.totalLength ?? 20 + extra.length + body.length)
  const start = [
    0x45 + extra.length / 4,
    0,
    ...length,
    0,
    0,
    ...u16(of.fragment ?? 0x4000),
    hops,
    of.announces ?? protocol,
  ]
  const ends = [...addressBytes(source), ...addressBytes(destination)]
  const checksum = internetChecksum([...start, 0, 0, ...ends, ...extra])
  return Uint8Array.from([...start, ...u16(checksum), ...ends, ...extra, ...body])
}

export interface TcpOf {
  readonly from?: number
  readonly to?: number
  readonly sequence?: number
  readonly acknowledgement?: number
  /** ACK and PSH. */
  readonly flags?: number
  readonly options?: readonly number[]
  readonly text?: string
}

const letters = (text: string): number[] => Array.from(text, letter => letter.charCodeAt(0))

export const tcp = (of: TcpOf): Uint8Array => {
  const {
    from = 40_000,
    to = 80,
    sequence = 1,
    acknowledgement = 1,
    flags = 0x18,
    options = [],
    text = '',
  } = of
  const length = ((20 + options.length) / 4) << 4
  return Uint8Array.from([
    ...u16(from),
    ...u16(to),
    ...u32(sequence),
    ...u32(acknowledgement),
    length,
    flags,
    ...u16(1_024),
    0,
    0,
    0,
    0,
    ...options,
    ...letters(text),
  ])
}

export const udp = (text: string, from = 40_000, to = 53, length = text.length + 8): Uint8Array =>
  Uint8Array.from([...u16(from), ...u16(to), ...u16(length), 0, 0, ...letters(text)])
