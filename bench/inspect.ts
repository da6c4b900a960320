import {
  type Conversation,
  checksumsHold,
  type Finding,
  flowKey,
  fromLower,
  Identifier,
  IP_PROTOCOL,
  PacketHeader,
  PROTOCOLS,
  type Protocol,
  parsePacket,
  StreamMemory,
  TcpStream,
} from '@sekisho/inspect'
import { bulkTraffic, mixedTraffic } from './inspect-traffic.ts'
import { barred, type Row } from './report.ts'

/** Time of this thread on its core: what else the machine does is not the engine's. */
function seconds(run: () => void): number {
  const start = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1e6
}

/** Of the fastest of seven rounds; the first of them compile. */
const best = (run: () => void): number => Math.min(...Array.from({ length: 7 }, () => seconds(run)))

interface Flow {
  /** Absent where each packet is whole in itself. */
  readonly stream: TcpStream | undefined
  readonly conversation: Conversation
  readonly clientIsLower: boolean
}

/** From packet to readings, as the queue's loop does it, without policy. */
class Engine {
  readonly #identifier: Identifier
  readonly #verifies: boolean
  readonly #header = new PacketHeader()
  readonly #memory = new StreamMemory()
  readonly #flows = new Map<string, Flow>()
  identified = 0
  requests = 0
  dropped = 0

  constructor(identifier: Identifier, verifies: boolean) {
    this.#identifier = identifier
    this.#verifies = verifies
  }

  packet(bytes: Uint8Array): void {
    const header = this.#header
    if (parsePacket(bytes, header)) this.dropped++
    else if (this.#verifies && !checksumsHold(bytes, header)) this.dropped++
    else this.#offer(bytes)
  }

  #offer(bytes: Uint8Array): void {
    const header = this.#header
    const isFromLower = fromLower(bytes, header)
    const key = flowKey(bytes, header, isFromLower)
    const flow = this.#flows.get(key) ?? this.#open(key, isFromLower)
    const side = isFromLower === flow.clientIsLower ? 'client' : 'server'
    const payload = bytes.subarray(header.payloadAt, header.payloadEnd)
    if (!flow.stream) {
      this.#count(flow.conversation.read(side, payload))
      return
    }
    const passage = flow.stream.offer(side, header, payload)
    if (passage.verdict === 'drop') this.dropped++
    else if (passage.fresh) this.#count(flow.conversation.read(side, passage.fresh))
  }

  #count(findings: readonly Finding[]): void {
    for (const { kind } of findings)
      if (kind === 'identified') this.identified++
      else if (kind === 'request') this.requests++
  }

  #open(key: string, clientIsLower: boolean): Flow {
    const isTcp = this.#header.protocol === IP_PROTOCOL.TCP
    const stream = isTcp ? new TcpStream(this.#memory) : undefined
    const flow = { stream, conversation: this.#identifier.open(isTcp ? 'TCP' : 'UDP'), clientIsLower }
    this.#flows.set(key, flow)
    return flow
  }
}

interface Measured {
  readonly seconds: number
  readonly engine: Engine
}

/** One behind the other in one buffer, as a socket's receive buffers have them. */
function received(packets: readonly Uint8Array[]): readonly Uint8Array[] {
  const buffer = new Uint8Array(packets.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  return packets.map(packet => {
    buffer.set(packet, end)
    end += packet.length
    return buffer.subarray(end - packet.length, end)
  })
}

function measure(sent: readonly Uint8Array[], identifier: Identifier, verifies = false): Measured {
  const packets = received(sent)
  let engine = new Engine(identifier, verifies)
  const time = best(() => {
    engine = new Engine(identifier, verifies)
    for (const packet of packets) engine.packet(packet)
  })
  if (engine.dropped > 0) throw new TypeError(`${engine.dropped} packets of an honest sender do not pass`)
  return { seconds: time, engine }
}

const SUITE = 'inspect/engine'
const micro = (measured: Measured, count: number): number => (measured.seconds * 1e6) / count
const gigabits = (measured: Measured, packets: readonly Uint8Array[]): number =>
  (packets.reduce((sum, { length }) => sum + length, 0) * 8) / measured.seconds / 1e9

/** The same protocol without its reader. */
const silent = (protocol: Protocol): Protocol => ({
  application: protocol.application,
  transports: protocol.transports,
  recognise: opening => protocol.recognise(opening),
})

/** The engine alone on one core, without kernel and policy. */
function rows(progress: (line: string) => void): readonly Row[] {
  const all = new Identifier({ protocols: PROTOCOLS })
  /** Everything is what it seems, and nothing is read: what is left is the engine's own work. */
  const nothing = new Identifier({ protocols: PROTOCOLS.map(silent) })
  progress('packets of 2,000 connections, 20 exchanges each')
  const mixed = mixedTraffic(2_000, 20)
  const own = measure(mixed, nothing)
  const read = measure(mixed, all)
  progress('first packets of 20,000 connections')
  const first = mixedTraffic(20_000, 1)
  const opened = measure(first, all)
  progress('downloads')
  const large = bulkTraffic(2_000, 64_000)
  const small = bulkTraffic(40_000, 1_400)
  const row = (measure: string, value: number, unit: string) => ({ suite: SUITE, measure, value, unit })
  return [
    barred(row('a packet of a mixed load, without readers', micro(own, mixed.length), 'µs'), '≤', 2),
    row('a packet of a mixed load, requests read', micro(read, mixed.length), 'µs'),
    row('connections, identified and first request read', 20_000 / opened.seconds, '/s'),
    barred(
      row('download in 64 kB segments, every byte read', gigabits(measure(large, all), large), 'Gbit/s'),
      '≥',
      2,
    ),
    barred(
      row('the same with checksums verified', gigabits(measure(large, all, true), large), 'Gbit/s'),
      '≥',
      2,
    ),
    row('download in 1.4 kB segments, every byte read', gigabits(measure(small, all), small), 'Gbit/s'),
  ]
}

export const inspect = {
  name: SUITE,
  run: (progress: (line: string) => void): Promise<readonly Row[]> => Promise.resolve(rows(progress)),
}
