import { latin1 } from '../../ascii.ts'
import { u32 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * ZooKeeper: a client's first message is length(32, 44 or 45) version(32, 0) transaction(64) timeout(32) session(64)
 * password(32, 16, and its bytes) [read only(8)]; the answer has no transaction. Operators send words of four letters.
 */
const WORDS = /^(?:conf|cons|crst|dump|envi|ruok|srst|srvr|stat|wchs|wchc|wchp|mntr|isro|dirs)\n?$/

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  if (WORDS.test(latin1(client, 6))) return likely('word of four letters')
  if (client.subarray(0, 3).some(byte => byte !== 0))
    return client.length < 4 && /^[a-z]+$/.test(latin1(client)) ? MORE : NO
  if (client.length < 32) return MORE
  const length = u32(client, 0)
  const isConnect = (length === 44 || length === 45) && u32(client, 4) === 0 && u32(client, 28) === 16
  return isConnect ? certain('connect request') : NO
}

export const zookeeper: Protocol = { application: 'zookeeper', transports: ['TCP'], recognise }
