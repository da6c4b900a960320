import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * SOCKS 5 (RFC 1928): 5 count(8) methods, answered by 5 method. SOCKS 4: 4 command(8) port(16) address(32) user\0,
 * answered by 0 and 90 to 93.
 */
function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const [version, second = 0] = client
  if (version === 5) {
    if (client.length < 3) return MORE
    if (second === 0 || client.length !== 2 + second)
      return server.length === 0 && client.length < 2 + second ? MORE : NO
    if (server.length === 0) return likely('list of methods')
    return server[0] === 5 && (client.subarray(2).includes(server[1] ?? 0) || server[1] === 0xff)
      ? certain('methods and a choice')
      : NO
  }
  if (version !== 4 || (client.length > 1 && second !== 1 && second !== 2)) return NO
  if (client.length < 9) return MORE
  if (client.at(-1) !== 0) return NO
  if (server.length < 2) return likely('request of version 4')
  return server[0] === 0 && (server[1] ?? 0) >= 90 && (server[1] ?? 0) <= 93
    ? certain('request of version 4 and its answer')
    : NO
}

export const socks: Protocol = { application: 'socks', transports: ['TCP'], recognise }
