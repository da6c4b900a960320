import { addressText } from '../address-text.ts'

/** A socket that waits for others. */
export interface ListeningSocket {
  readonly protocol: 'TCP' | 'UDP'
  /** Canonical text; `0.0.0.0` and `::` stand for every address. */
  readonly address: string
  readonly port: number
  readonly inode: number
}

/** States of include/net/tcp_states.h: a listening TCP socket; an unconnected UDP socket is TCP_CLOSE. */
const WAITING = { TCP: '0A', UDP: '07' } as const

/** Addresses are printed as 32-bit words in host byte order. */
function address(hex: string): string | undefined {
  const bytes = Buffer.from(hex, 'hex')
  if (bytes.length !== hex.length / 2 || bytes.length % 4 !== 0) return undefined
  return addressText(bytes.swap32())
}

const LINE =
  /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]{2}) (?:\S+ +){5}(\d+)/

function parseLine(protocol: 'TCP' | 'UDP', line: string): ListeningSocket | undefined {
  const [, hex = '', port = '', peer, state, inode = ''] = LINE.exec(line) ?? []
  if (state !== WAITING[protocol] || peer !== '0000') return undefined
  const text = address(hex)
  return text === undefined
    ? undefined
    : { protocol, address: text, port: Number.parseInt(port, 16), inode: Number(inode) }
}

/** Reads /proc/net/{tcp,tcp6,udp,udp6}; lines of another form are left out. */
export const parseSocketTable = (protocol: 'TCP' | 'UDP', source: string): ListeningSocket[] =>
  source
    .split('\n')
    .map(line => parseLine(protocol, line))
    .filter(socket => socket !== undefined)
