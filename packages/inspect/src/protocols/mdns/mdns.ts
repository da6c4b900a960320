import { guarded } from '../../guarded.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { NeighbourReader } from '../dns/neighbours.ts'
import { isMulticast, shapeOf } from '../dns/recognise.ts'

/*
 * Multicast DNS (RFC 6762): DNS messages without an id, for names below "local". Several questions in a message are
 * allowed, answers need no question, and nobody vouches for them: they name no addresses to rules.
 */

function recognise({ client, server }: Opening): Recognition {
  const said = [client, server].filter(bytes => bytes.length > 0)
  if (said.length === 0) return MORE
  const shapes = said.map(shapeOf)
  return shapes.every(shape => shape && isMulticast(shape))
    ? certain('DNS message without an id for "local"')
    : NO
}

export const mdns: Protocol = {
  application: 'mdns',
  transports: ['UDP'],
  recognise,
  open: () => guarded(new NeighbourReader()),
}
