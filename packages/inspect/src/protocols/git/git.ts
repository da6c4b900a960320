import { latin1 } from '../../ascii.ts'
import { certain, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Git's own transport (gitprotocol-pack(5)): length of four hexadecimal digits, "git-upload-pack /path\0host=…".
 */
const REQUEST = /^[0-9a-f]{4}git-(?:upload-pack|receive-pack|upload-archive) /

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const said = latin1(client, 32)
  if (REQUEST.test(said)) return certain('request "git-upload-pack" or the like')
  return said.length < 24 && /^[0-9a-f]{0,4}(?:$|g)/.test(said) && 'git-'.startsWith(said.slice(4, 8))
    ? MORE
    : NO
}

export const git: Protocol = { application: 'git', transports: ['TCP'], recognise }
