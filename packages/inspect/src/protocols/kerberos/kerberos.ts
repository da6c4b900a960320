import { contentAt } from '../../ber.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Kerberos 5 (RFC 4120): an APPLICATION tag, a sequence, in it [1] or [0] with the version 5. Over TCP behind its
 * length(32).
 */
const TAGS: ReadonlySet<number> = new Set([0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x74, 0x75, 0x76, 0x7e])

function isMessage(bytes: Uint8Array, at: number): boolean {
  const sequence = TAGS.has(bytes[at] ?? 0) ? contentAt(bytes, at) : undefined
  if (sequence === undefined || bytes[sequence] !== 0x30) return false
  const field = contentAt(bytes, sequence)
  if (field === undefined) return false
  const [tag, ...version] = bytes.subarray(field, field + 5)
  return (tag === 0xa0 || tag === 0xa1) && version.join() === '3,2,1,5'
}

function recognise({ client, server, transport }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  const start = transport === 'TCP' ? 4 : 0
  if (transport === 'TCP' && bytes.length > 0 && bytes[0] !== 0) return NO
  if (bytes.length < start + 16) return bytes.length > start && !TAGS.has(bytes[start] ?? 0) ? NO : MORE
  return isMessage(bytes, start) ? certain('message of version 5') : NO
}

export const kerberos: Protocol = { application: 'kerberos', transports: ['TCP', 'UDP'], recognise }
