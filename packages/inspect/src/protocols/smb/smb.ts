import { startsWith } from '../../ascii.ts'
import { u24 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * SMB over TCP (MS-SMB2 2.1): 0 length(24), then 0xff "SMB" (1), 0xfe "SMB" (2 and 3), 0xfd (encrypted) or 0xfc
 * (compressed). Over NetBIOS a session request 0x81 goes before.
 */
const IDS: ReadonlySet<number> = new Set([0xff, 0xfe, 0xfd, 0xfc])
const SESSION_REQUEST = 0x81

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  if (bytes[0] === SESSION_REQUEST)
    return bytes.length >= 4 && u24(bytes, 1) === 68
      ? likely('session request of NetBIOS')
      : bytes.length < 4
        ? MORE
        : NO
  if (bytes[0] !== 0) return NO
  if (bytes.length < 8) return MORE
  return IDS.has(bytes[4] ?? 0) && startsWith(bytes.subarray(5), 'SMB') === 'yes'
    ? certain('header "SMB"')
    : NO
}

export const smb: Protocol = { application: 'smb', transports: ['TCP'], recognise }
