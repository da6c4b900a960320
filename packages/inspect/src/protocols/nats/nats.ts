import { startsWith } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * NATS (https://docs.nats.io/reference/reference-protocols/nats-protocol): the server begins with INFO and JSON on a line.
 */
function recognise({ server, first }: Opening): Recognition {
  if (first === 'client') return NO
  const answer = startsWith(server, 'INFO {"')
  return answer === 'yes' ? certain('greeting "INFO {"') : answer === 'more' ? MORE : NO
}

export const nats: Protocol = { application: 'nats', transports: ['TCP'], recognise }
