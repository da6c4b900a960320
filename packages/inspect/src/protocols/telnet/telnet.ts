import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * Telnet (RFC 854): whoever begins negotiates options: IAC 0xff, then WILL 0xfb, WONT, DO or DONT 0xfe, then the option.
 */
const IAC = 0xff
const OPTIONS_MAX = 50

/** How many negotiations the bytes begin with; undefined where they begin with something else. */
function negotiations(bytes: Uint8Array): number | undefined {
  let count = 0
  for (let at = 0; at + 2 < bytes.length; at += 3) {
    const [verb = 0, option = 0] = bytes.subarray(at + 1, at + 3)
    if (bytes[at] !== IAC || verb < 0xfb || verb > 0xfe || option > OPTIONS_MAX)
      return count > 0 ? count : undefined
    count++
  }
  return count > 0 || bytes[0] === IAC || bytes.length === 0 ? count : undefined
}

function recognise({ client, server }: Opening): Recognition {
  const counts = [negotiations(client), negotiations(server)]
  const sum = counts.reduce<number>((all, count) => all + (count ?? 0), 0)
  if (sum === 0 && counts.includes(undefined)) return NO
  if (sum >= 2) return certain('negotiation of options')
  return sum === 1 ? likely('negotiation of an option') : client.length > 0 && server.length > 0 ? NO : MORE
}

export const telnet: Protocol = { application: 'telnet', transports: ['TCP'], recognise }
