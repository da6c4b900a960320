import { latin1 } from '../../ascii.ts'
import { guarded } from '../../guarded.ts'
import { u32 } from '../../numbers.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { CassandraReader, OPERATION } from './reader.ts'

/*
 * Cassandra's native protocol (native_protocol_v4.spec): version(8) flags(8) stream(16) operation(8) length(32). A client
 * begins with OPTIONS (5, empty) or STARTUP (1, with CQL_VERSION); versions 1 and 2 have a stream of 8 bits.
 */

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const [version = 0] = client
  if (version < 1 || version > 6) return NO
  const at = version < 3 ? 3 : 4
  if (client.length < at + 5) return MORE
  const [operation, length] = [client[at], u32(client, at + 1)]
  if (operation === OPERATION.options && length === 0 && client.length === at + 5) return certain('OPTIONS')
  return operation === OPERATION.startup && latin1(client, 64).includes('CQL_VERSION')
    ? certain('STARTUP with CQL_VERSION')
    : NO
}

/** Cassandra and what speaks like it: ScyllaDB, Astra, Keyspaces. */
export const cassandra: Protocol = {
  application: 'cassandra',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new CassandraReader()),
}
