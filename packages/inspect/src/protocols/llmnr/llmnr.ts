import { guarded } from '../../guarded.ts'
import { likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { NeighbourReader } from '../dns/neighbours.ts'
import { isLinkLocal, shapeOf } from '../dns/recognise.ts'

/*
 * Link-local multicast name resolution (RFC 4795): DNS messages without flags for names of one label.
 */
function recognise({ client, server }: Opening): Recognition {
  const said = [client, server].filter(bytes => bytes.length > 0)
  if (said.length === 0) return MORE
  const shapes = said.map(shapeOf)
  return shapes.every(shape => shape && isLinkLocal(shape))
    ? likely('DNS message without flags for one label')
    : NO
}

export const llmnr: Protocol = {
  application: 'llmnr',
  transports: ['UDP'],
  recognise,
  open: () => guarded(new NeighbourReader()),
}
