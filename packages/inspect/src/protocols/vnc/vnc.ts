import { startsWith } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * RFB (RFC 6143): both sides begin with "RFB 003.008" and a line feed, the server first.
 */
function recognise({ server, first }: Opening): Recognition {
  if (first === 'client' && server.length === 0) return NO
  const answer = startsWith(server, 'RFB 00')
  return answer === 'yes' ? certain('greeting "RFB"') : answer === 'more' ? MORE : NO
}

export const vnc: Protocol = { application: 'vnc', transports: ['TCP'], recognise }
