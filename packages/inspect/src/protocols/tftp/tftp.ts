import { latin1 } from '../../ascii.ts'
import { u16 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * TFTP (RFC 1350): opcode(16), then for 1 (read) and 2 (write) name\0 mode\0; 3 block(16) data; 4 block(16);
 * 5 code(16) text\0; 6 options. The answer to a request comes from another port, as a flow of its own.
 */
const MODE = /^(?:netascii|octet|mail)$/i
const DATA_MAX = 1_468

function isRequest(bytes: Uint8Array): boolean {
  const [name = '', mode = '', ...rest] = latin1(bytes.subarray(2), 300).split('\0')
  return name !== '' && MODE.test(mode) && rest.length > 0
}

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const block = u16(bytes, 2)
  switch (u16(bytes, 0)) {
    case 1:
    case 2:
      return isRequest(bytes) ? certain('request with name and mode') : NO
    case 3:
      return answered(block === 1 && bytes.length <= DATA_MAX, client, server)
    case 4:
      return answered(block <= 1 && bytes.length === 4, client, server)
    case 5:
      return block <= 8 && bytes.length > 4 && bytes.at(-1) === 0 ? likely('error') : NO
    case 6:
      return bytes.length > 6 && bytes.at(-1) === 0 ? likely('options') : NO
    default:
      return NO
  }
}

function answered(isFirst: boolean, client: Uint8Array, server: Uint8Array): Recognition {
  if (!isFirst) return NO
  const other = client.length > 0 ? server : client
  if (other.length === 0) return likely('first block')
  return other[0] === 0 && [3, 4, 5].includes(other[1] ?? 0) ? certain('first block and its answer') : NO
}

export const tftp: Protocol = { application: 'tftp', transports: ['UDP'], recognise }
