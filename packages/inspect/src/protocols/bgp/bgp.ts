import { u16 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * BGP (RFC 4271): 16 bytes 0xff, length(16) 19 to 4096, type(8) 1 to 5.
 */
const MARKER_BYTES = 16

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  if (bytes.subarray(0, MARKER_BYTES).some(byte => byte !== 0xff)) return NO
  if (bytes.length < MARKER_BYTES + 3) return MORE
  const [length, type = 0] = [u16(bytes, MARKER_BYTES), bytes[MARKER_BYTES + 2]]
  return length >= 19 && length <= 4_096 && type >= 1 && type <= 5 ? certain('marker, length and type') : NO
}

export const bgp: Protocol = { application: 'bgp', transports: ['TCP'], recognise }
