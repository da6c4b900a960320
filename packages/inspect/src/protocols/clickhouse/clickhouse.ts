import { latin1 } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * ClickHouse's native protocol: a client begins with 0 (hello) and its name, a length and text: "ClickHouse client".
 */
function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  if (client[0] !== 0) return NO
  const name = latin1(client.subarray(2), 64)
  if (name.length >= 10 && name.startsWith('ClickHouse')) return certain('hello of ClickHouse')
  const length = client[1] ?? 1
  return length > 0 && length < 64 && 'ClickHouse'.startsWith(name.slice(0, 10)) && name.length < 10
    ? MORE
    : NO
}

export const clickhouse: Protocol = { application: 'clickhouse', transports: ['TCP'], recognise }
