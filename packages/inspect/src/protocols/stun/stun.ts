import { u16, u32 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * STUN (RFC 8489): 00 type(14) length(16) 0x2112a442 transaction(96 bits), attributes in fours. Before RFC 5389 there
 * was no cookie. TURN's channel data (RFC 8656) begins with 01. Over TCP the same, one after the other.
 */
const HEADER_BYTES = 20
const COOKIE = 0x2112a442
const CLASSIC: ReadonlySet<number> = new Set([0x0001, 0x0101, 0x0111])

function recognise({ client, server, transport }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  if ((bytes[0] ?? 0) > 0x03) return NO
  if (bytes.length < HEADER_BYTES) return transport === 'TCP' ? MORE : NO
  const length = u16(bytes, 2)
  if (length % 4 !== 0) return NO
  if (u32(bytes, 4) === COOKIE) return certain('magic cookie')
  const isWhole = transport === 'UDP' && length === bytes.length - HEADER_BYTES
  return isWhole && CLASSIC.has(u16(bytes, 0)) ? likely('binding without a cookie') : NO
}

export const stun: Protocol = { application: 'stun', transports: ['TCP', 'UDP'], recognise }
