import { type EpochMs, formatIp, Malformed } from '@sekisho/core'
import { IP_PROTOCOL, PacketHeader, parsePacket } from '@sekisho/inspect'
import type { DnsMessage } from '@sekisho/inspect/dns-security'
import { readDnsMessage } from '@sekisho/inspect/dns-security'
import { ipPacketIn } from './link.ts'
import { readCapture } from './pcap.ts'

const PORT = 53

/** Messages of a capture over UDP, as far as they can be read, in their order, a millisecond apart. */
export function dnsMessagesIn(path: string): readonly DnsMessage[] {
  const header = new PacketHeader()
  return readCapture(path).flatMap((packet, number) => {
    const bytes = ipPacketIn(packet)
    if (!bytes || parsePacket(bytes, header) !== undefined || header.protocol !== IP_PROTOCOL.UDP) return []
    const isAnswer = header.sourcePort === PORT
    if (!isAnswer && header.destinationPort !== PORT) return []
    const ip = (at: number): string => {
      const digits = Buffer.from(bytes.subarray(at, at + (header.family === 4 ? 4 : 16))).toString('hex')
      return formatIp({ family: header.family, value: BigInt(`0x${digits}`) })
    }
    const [source, destination] = [ip(header.sourceAt), ip(header.destinationAt)]
    const payload = bytes.subarray(header.payloadAt, header.payloadEnd)
    const message = attempt(payload)
    if (!message || message.isAnswer !== isAnswer) return []
    return [
      {
        client: isAnswer ? destination : source,
        clientPort: isAnswer ? header.destinationPort : header.sourcePort,
        resolver: isAnswer ? source : destination,
        message,
        bytes: payload.length,
        at: (1_700_000_000_000 + number) as EpochMs,
      },
    ]
  })
}

function attempt(bytes: Uint8Array): DnsMessage['message'] | undefined {
  try {
    return readDnsMessage(bytes)
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}
