import { u32 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * IKE (RFC 2408, RFC 7296): initiator(8 bytes) responder(8 bytes) next(8) version(8) exchange(8) flags(8) id(32)
 * length(32). Where addresses are translated (RFC 3948) behind four zero bytes, and the ESP packets behind none.
 */
const HEADER_BYTES = 28
const EXCHANGES = { 16: [1, 2, 4, 5, 6, 32, 33], 32: [34, 35, 36, 37, 38, 39, 43, 44] } as const

function isIke(bytes: Uint8Array): boolean {
  const version = bytes[17] ?? 0
  const exchanges: readonly number[] = version === 0x10 || version === 0x20 ? EXCHANGES[version] : []
  return (
    bytes.length >= HEADER_BYTES &&
    bytes.subarray(0, 8).some(byte => byte !== 0) &&
    exchanges.includes(bytes[18] ?? 0) &&
    u32(bytes, 24) === bytes.length
  )
}

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  if (isIke(bytes) || (u32(bytes, 0) === 0 && isIke(bytes.subarray(4)))) return certain('header of IKE')
  return NO
}

export const ipsec: Protocol = { application: 'ipsec', transports: ['UDP'], recognise }
