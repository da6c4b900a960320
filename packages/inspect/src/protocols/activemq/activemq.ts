import { startsWith } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * OpenWire, ActiveMQ's own: length(32) 1 (wire format) "ActiveMQ", from both sides.
 */
function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  if (bytes[0] !== 0 || (bytes.length > 4 && bytes[4] !== 1)) return NO
  const answer = startsWith(bytes.subarray(5), 'ActiveMQ')
  return answer === 'yes' ? certain('wire format "ActiveMQ"') : answer === 'more' ? MORE : NO
}

export const activemq: Protocol = { application: 'activemq', transports: ['TCP'], recognise }
