import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'
import { isNetbios, shapeOf } from '../dns/recognise.ts'

/*
 * Name service of NetBIOS (RFC 1002 section 4.2): DNS messages about names of 16 bytes, each written as two letters.
 */
function recognise({ client, server }: Opening): Recognition {
  const said = [client, server].filter(bytes => bytes.length > 0)
  if (said.length === 0) return MORE
  const shapes = said.map(shapeOf)
  return shapes.every(shape => shape && isNetbios(shape)) ? certain('encoded NetBIOS name') : NO
}

export const netbios: Protocol = { application: 'netbios', transports: ['UDP'], recognise }
