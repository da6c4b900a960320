import { latin1, startsWith } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * BitTorrent: between peers 19 "BitTorrent protocol" (BEP 3); the distributed table in bencoding over UDP (BEP 5);
 * trackers over UDP begin with 0x41727101980 and action 0 (BEP 15).
 */
const HANDSHAKE = '\u0013BitTorrent protocol'
const TABLE = /^d(?:1:[are]d2:id20:|1:eli2|2:ip[46]|1:q4:ping)/
const TRACKER = '\0\0\u0004\u0017\u0027\u0010\u0019\u0080\0\0\0\0'

function recognise({ client, server, transport }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const said = latin1(bytes, 64)
  if (transport === 'UDP')
    return TABLE.test(said) || said.startsWith(TRACKER) ? certain('message of table or tracker') : NO
  const answer = startsWith(bytes, HANDSHAKE)
  return answer === 'yes' ? certain('handshake') : answer === 'more' ? MORE : NO
}

export const bittorrent: Protocol = { application: 'bittorrent', transports: ['TCP', 'UDP'], recognise }
