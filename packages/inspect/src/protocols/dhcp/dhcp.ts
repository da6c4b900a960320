import { u16, u32 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * DHCP (RFC 2131): operation(8) hardware(8) its length(8) hops(8) … and after 236 bytes 0x63825363.
 * DHCPv6 (RFC 8415): type(8) transaction(24), options code(16) length(16); relayed ones have two addresses before.
 */
const COOKIE = 0x63825363
const TYPES6 = 13
const RELAYED: ReadonlySet<number> = new Set([12, 13])

/** Options that fill the message; how many. */
function options6(bytes: Uint8Array, start: number): number {
  let [at, count] = [start, 0]
  for (; at + 4 <= bytes.length; count++) {
    const code = u16(bytes, at)
    if (code === 0 || code > 200) return 0
    at += 4 + u16(bytes, at + 2)
  }
  return at === bytes.length ? count : 0
}

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const [type = 0] = bytes
  if ((type === 1 || type === 2) && u32(bytes, 236) === COOKIE) return certain('magic cookie')
  if (type < 1 || type > TYPES6) return NO
  return options6(bytes, RELAYED.has(type) ? 34 : 4) > 0 ? likely('type and options of version 6') : NO
}

export const dhcp: Protocol = { application: 'dhcp', transports: ['UDP'], recognise }
