import { contentAt } from '../../ber.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * LDAP (RFC 4511): SEQUENCE, message id INTEGER, then an operation with an APPLICATION tag: bind 0x60, its answer 0x61,
 * search 0x63, its entries 0x64 and end 0x65, extended 0x77 and 0x78, unbind 0x42.
 */
const OPERATIONS: ReadonlySet<number> = new Set([
  0x60, 0x61, 0x42, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6e, 0x77, 0x78,
])
const BIND = 0x60

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  if (bytes[0] !== 0x30) return NO
  if (bytes.length < 7) return MORE
  const id = contentAt(bytes, 0)
  if (id === undefined || bytes[id] !== 0x02 || (bytes[id + 1] ?? 9) > 4 || bytes[id + 1] === 0) return NO
  const operation = id + 2 + (bytes[id + 1] ?? 0)
  if (bytes.length <= operation) return MORE
  if (!OPERATIONS.has(bytes[operation] ?? 0)) return NO
  if (bytes[operation] !== BIND) return certain('message id and operation')
  const version = contentAt(bytes, operation) ?? 0
  return bytes[version] === 0x02 && bytes[version + 1] === 1 && [2, 3].includes(bytes[version + 2] ?? 0)
    ? certain('bind')
    : NO
}

export const ldap: Protocol = { application: 'ldap', transports: ['TCP', 'UDP'], recognise }
