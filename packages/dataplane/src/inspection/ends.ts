import { protocolName } from '@sekisho/core'
import type { PacketHeader } from '@sekisho/inspect'
import { addressText } from '@sekisho/linux'
import type { ConversationEnds } from './inspector.ts'

/** Whose conversation a packet belongs to. */
export function endsOf(bytes: Uint8Array, header: PacketHeader, fromClient: boolean): ConversationEnds {
  const { family, sourceAt, destinationAt, sourcePort, destinationPort, protocol } = header
  const address = (at: number) => addressText(bytes.subarray(at, at + (family === 4 ? 4 : 16))) ?? ''
  const [source, destination] = [address(sourceAt), address(destinationAt)]
  return {
    client: fromClient ? source : destination,
    server: fromClient ? destination : source,
    protocol: protocolName(protocol),
    port: fromClient ? destinationPort : sourcePort,
    clientPort: fromClient ? sourcePort : destinationPort,
  }
}
