import { TCP } from '@sekisho/inspect'

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]
const encoder = new TextEncoder()

/** The Internet checksum of what the headers say and of the payload (RFC 1071). */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

interface End {
  readonly address: readonly number[]
  readonly port: number
  sequence: number
}

interface Route {
  readonly from: End
  readonly to: End
  readonly protocol: number
  /** Where the transport header has its checksum. */
  readonly checksumAt: number
}

function ipPacket({ from, to, protocol, checksumAt }: Route, transport: Uint8Array): Uint8Array {
  const pseudo = [...from.address, ...to.address, 0, protocol, ...u16(transport.length)]
  transport.set(u16(checksum(Uint8Array.from([...pseudo, ...transport]))), checksumAt)
  const start = [0x45, 0, ...u16(20 + transport.length), 0, 0, 0x40, 0, 64, protocol]
  const ip = Uint8Array.from([...start, 0, 0, ...from.address, ...to.address])
  ip.set(u16(checksum(ip)), 10)
  return Uint8Array.from([...ip, ...transport])
}

const ends = (number: number, port: number): readonly [client: End, server: End] => {
  const address = [10, (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff]
  return [
    { address, port: 1_024 + (number % 60_000), sequence: number * 7_919 },
    { address: [10, 255, 0, 1], port, sequence: number * 104_729 },
  ]
}

/** A question to a resolver and its answer. */
function lookup(number: number): readonly Uint8Array[] {
  const [client, server] = ends(number, 53)
  const question = [
    6,
    ...encoder.encode('orders'),
    4,
    ...encoder.encode('shop'),
    3,
    ...encoder.encode('svc'),
    0,
    0,
    1,
    0,
    1,
  ]
  const record = [0xc0, 12, 0, 1, 0, 1, ...u32(30), 0, 4, 10, 0, 0, 7]
  const message = (
    from: End,
    to: End,
    [flags, answers]: readonly [number, number],
    tail: readonly number[],
  ) => {
    const body = [
      ...u16(number & 0xffff),
      ...u16(flags),
      0,
      1,
      ...u16(answers),
      0,
      0,
      0,
      0,
      ...question,
      ...tail,
    ]
    const header = [...u16(from.port), ...u16(to.port), ...u16(8 + body.length), 0, 0]
    return ipPacket({ from, to, protocol: 17, checksumAt: 6 }, Uint8Array.from([...header, ...body]))
  }
  return [message(client, server, [0x0100, 0], []), message(server, client, [0x8180, 1], record)]
}

/** One connection between two hosts of 10.0.0.0/8, as packets with true headers and checksums. */
class Connection {
  readonly packets: Uint8Array[] = []
  readonly #client: End
  readonly #server: End

  constructor(number: number, port: number) {
    const [client, server] = ends(number, port)
    this.#client = client
    this.#server = server
    this.#send(this.#client, this.#server, { flags: TCP.SYN })
    this.#send(this.#server, this.#client, { flags: TCP.SYN | TCP.ACK })
    this.#send(this.#client, this.#server, {})
  }

  /** Something and its acknowledgement. */
  client(payload: Uint8Array): this {
    this.#send(this.#client, this.#server, { payload })
    return this
  }
  server(payload: Uint8Array): this {
    this.#send(this.#server, this.#client, { payload })
    this.#send(this.#client, this.#server, {})
    return this
  }

  #send(from: End, to: End, what: { readonly flags?: number; readonly payload?: Uint8Array }): void {
    const { flags = TCP.ACK, payload = new Uint8Array() } = what
    const header = [...u16(from.port), ...u16(to.port), ...u32(from.sequence), ...u32(to.sequence)]
    const segment = Uint8Array.from([...header, 0x50, flags, ...u16(64_240), 0, 0, 0, 0, ...payload])
    this.packets.push(ipPacket({ from, to, protocol: 6, checksumAt: 16 }, segment))
    from.sequence = (from.sequence + payload.length + ((flags & TCP.SYN) !== 0 ? 1 : 0)) >>> 0
  }
}

const REQUEST = encoder.encode(
  'GET /api/orders/17?expand=lines HTTP/1.1\r\nHost: orders.shop.svc\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n',
)
const ANSWER = encoder.encode(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 600\r\n\r\n${'x'.repeat(600)}`,
)
const COMMAND = encoder.encode('*2\r\n$3\r\nGET\r\n$10\r\norders:017\r\n')
const VALUE = encoder.encode('$5\r\nhello\r\n')
const BANNER = encoder.encode('SSH-2.0-OpenSSH_9.6\r\n')

/** Connections as a cluster has them, each with so many exchanges; their packets take turns. */
export function mixedTraffic(connections: number, exchanges: number): readonly Uint8Array[] {
  const all = Array.from({ length: connections }, (_, i) => {
    const kind = i % 12
    if (kind > 9) return lookup(i)
    const connection = new Connection(i, kind < 6 ? 8_080 : kind < 9 ? 6_379 : 22)
    if (kind === 9) return connection.server(BANNER).client(BANNER).packets
    for (let n = 0; n < exchanges; n++)
      if (kind < 6) connection.client(REQUEST).server(ANSWER)
      else connection.client(COMMAND).server(VALUE)
    return connection.packets
  })
  const longest = Math.max(...all.map(packets => packets.length))
  return Array.from({ length: longest }, (_, turn) => all.flatMap(packets => packets[turn] ?? [])).flat()
}

/** A long download over one connection, in segments of so many bytes, with its request. */
export function bulkTraffic(segments: number, size: number): readonly Uint8Array[] {
  const connection = new Connection(1, 8_080).client(REQUEST)
  const length = segments * size
  const piece = new Uint8Array(size).fill(0x61)
  connection.server(encoder.encode(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`))
  for (let i = 0; i < segments; i++) connection.server(piece)
  return connection.packets
}
