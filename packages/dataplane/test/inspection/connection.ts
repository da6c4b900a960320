import { IP_PROTOCOL, TCP } from '@sekisho/inspect'
import { type PacketOf, packet, tcp, udp } from '@sekisho/inspect/test/packets'
import type { OfferedPacket } from '../../src/inspection/inspector.ts'

const { SYN, ACK, PSH, FIN, RST } = TCP

export interface Addresses {
  readonly client: string
  readonly server: string
}
export const IP4: Addresses = { client: '192.0.2.1', server: '192.0.2.2' }
export const IP6: Addresses = { client: '2001:db8::1', server: '2001:db8::2' }

interface Ends {
  readonly client: number
  readonly server: number
  readonly first?: number
}

/** Packets of one TCP connection, whose numbers go on as its ends would count them. */
export class Connection {
  readonly #at: Addresses
  readonly #ports: { readonly client: number; readonly server: number }
  #client = 1_000
  #server = 5_000

  /** @param ends.first what both sides' numbers begin after. */
  constructor(at: Addresses = IP4, { first = 0, ...ports }: Ends = { client: 40_000, server: 80 }) {
    this.#at = at
    this.#ports = ports
    this.#client += first
    this.#server += first
  }

  syn(): OfferedPacket {
    return this.#segment(true, SYN, '')
  }
  /** SYN, SYN with ACK, ACK. */
  handshake(): readonly OfferedPacket[] {
    return [this.syn(), this.#segment(false, SYN | ACK, ''), this.#segment(true, ACK, '')]
  }
  client(text: string): OfferedPacket {
    return this.#segment(true, ACK | PSH, text)
  }
  server(text: string): OfferedPacket {
    return this.#segment(false, ACK | PSH, text)
  }
  /** Data that leaves bytes out. */
  ahead(text: string): OfferedPacket {
    this.#client += 100
    return this.client(text)
  }
  reset(): OfferedPacket {
    return this.#segment(true, RST, '')
  }
  ends(): readonly OfferedPacket[] {
    return [this.#segment(true, FIN | ACK, ''), this.#segment(false, FIN | ACK, '')]
  }

  #segment(fromClient: boolean, flags: number, text: string): OfferedPacket {
    const { client, server } = this.#ports
    const transport = tcp({
      from: fromClient ? client : server,
      to: fromClient ? server : client,
      sequence: fromClient ? this.#client : this.#server,
      acknowledgement: (flags & ACK) === 0 ? 0 : fromClient ? this.#server : this.#client,
      flags,
      text,
    })
    const length = text.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1)
    if (fromClient) this.#client += length
    else this.#server += length
    return offered(this.#at, fromClient, { transport })
  }
}

export function datagram(text: string, fromClient = true, at: Addresses = IP4): OfferedPacket {
  const transport = fromClient ? udp(text, 40_000, 53) : udp(text, 53, 40_000)
  return offered(at, fromClient, { transport, protocol: IP_PROTOCOL.UDP })
}

export function offered(at: Addresses, fromClient: boolean, of: PacketOf): OfferedPacket {
  const [source, destination] = fromClient ? [at.client, at.server] : [at.server, at.client]
  return {
    bytes: packet({ ...of, source, destination }),
    fromClient,
    onFailure: 'closed',
    checksummed: true,
  }
}
