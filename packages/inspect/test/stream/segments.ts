import { PacketHeader, type Side, TCP, type TcpStream } from '../../src/index.ts'

export interface Segment {
  /** Letters of TCP's flags: S, A, F, R, U, P. */
  readonly flags: string
  readonly sequence: number
  readonly acknowledgement?: number
  readonly text?: string
  readonly timestamp?: number
  readonly missing?: number
}

const BITS: Readonly<Record<string, number>> = {
  S: TCP.SYN,
  A: TCP.ACK,
  F: TCP.FIN,
  R: TCP.RST,
  U: TCP.URG,
  P: TCP.PSH,
}

export function headerOf({
  flags,
  sequence,
  acknowledgement = 0,
  timestamp,
  missing = 0,
}: Segment): PacketHeader {
  const header = new PacketHeader()
  header.protocol = 6
  header.sequence = sequence >>> 0
  header.acknowledgement = acknowledgement >>> 0
  header.flags = Array.from(flags).reduce((bits, letter) => bits | (BITS[letter] ?? 0), 0)
  header.missing = missing
  header.hasTimestamp = timestamp !== undefined
  header.timestamp = timestamp ?? 0
  return header
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What the stream says to a segment: the text that is new, `+` for one that passes without, or why it does not pass. */
export function said(stream: TcpStream, side: Side, segment: Segment): string {
  const passage = stream.offer(side, headerOf(segment), encoder.encode(segment.text ?? ''))
  if (passage.verdict === 'drop') return passage.reason
  return passage.fresh ? decoder.decode(passage.fresh) : '+'
}
