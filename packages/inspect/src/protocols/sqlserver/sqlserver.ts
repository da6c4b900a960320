import { guarded } from '../../guarded.ts'
import { u16, u32le } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { TdsReader, TYPE } from './reader.ts'

/*
 * TDS (MS-TDS 2.2.3.1): type(8) status(8) length(16) process(16) number(8) window(8). A client begins with a prelogin
 * (0x12), whose options are token(8) offset(16) length(16) up to 0xff; older ones with a login (0x10 or 0x02).
 */

const FIRST: ReadonlySet<number> = new Set([TYPE.prelogin, TYPE.login, TYPE.batch, TYPE.call])

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const [type = 0, status = 0] = client
  if (!FIRST.has(type)) return NO
  if (client.length < 9) return MORE
  const length = u16(client, 2)
  if (length < 9 || length > 32_768 || status > 0x1f || client[7] !== 0) return NO
  if (type === TYPE.prelogin) return client[8] === 0 && u16(client, 11) === 6 ? certain('prelogin') : NO
  if (type === TYPE.login) return u32le(client, 8) <= length ? certain('login') : NO
  // Of a connection that was met later: a batch or a call, and a tabular answer.
  if (server.length === 0)
    return client.length >= Math.min(length, 4_096) ? likely('batch or remote call') : MORE
  return server[0] === TYPE.response && u16(server, 2) >= 8
    ? certain('batch or remote call, and a tabular answer')
    : NO
}

/** SQL Server, Azure SQL, Sybase's descendants with TDS 7. */
export const sqlserver: Protocol = {
  application: 'sqlserver',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new TdsReader()),
}
