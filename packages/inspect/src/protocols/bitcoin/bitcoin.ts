import { u32 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Bitcoin's peers: magic(32) command(12 bytes, padded with zeros) length(32) checksum(32); the first is "version".
 */
const MAGIC: ReadonlySet<number> = new Set([0xf9beb4d9, 0x0b110907, 0xfabfb5da, 0x1c163f28])

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length < 4) return MORE
  if (!MAGIC.has(u32(bytes, 0))) return NO
  return bytes.length < 16 ? MORE : certain('magic of Bitcoin')
}

export const bitcoin: Protocol = { application: 'bitcoin', transports: ['TCP'], recognise }
