import { latin1 } from '../../ascii.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * MQTT 3.1, 3.1.1, 5 (OASIS): a packet is type and flags(8), remaining length(1-4 bytes, 7 bits each), content.
 *   CONNECT  0x10 … name length(16) "MQTT" or "MQIsdp" level(8) …        its answer: CONNACK 0x20
 */
const CONNECT = 1
const NAMES = ['\0\x04MQTT', '\0\x06MQIsdp'] as const
const LEVELS: ReadonlySet<number> = new Set([3, 4, 5, 0x83, 0x84])
/** Of each type the flags it may have (3.1.1, table 2.2); PUBLISH has any but both bits of its quality. */
const FLAGS: Readonly<Record<number, number>> = {
  1: 0,
  2: 0,
  4: 0,
  5: 0,
  6: 2,
  7: 0,
  8: 2,
  9: 0,
  10: 2,
  11: 0,
  12: 0,
  13: 0,
  14: 0,
  15: 0,
}
const PUBLISH = 3

interface Packet {
  readonly type: number
  readonly content: Uint8Array
  /** Where the next one begins. */
  readonly end: number
}

function packetAt(bytes: Uint8Array, start: number): Packet | undefined {
  const [type, flags] = [(bytes[start] ?? 0) >> 4, (bytes[start] ?? 0) & 0x0f]
  if (type === PUBLISH ? (flags & 6) === 6 : FLAGS[type] !== flags) return undefined
  let [length, at] = [0, start + 1]
  for (let shift = 0; shift < 28; shift += 7, at++) {
    const byte = bytes[at] ?? 0
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) return { type, content: bytes.subarray(at + 1), end: at + 1 + length }
  }
  return undefined
}

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  const packet = packetAt(client, 0)
  if (!packet) return NO
  if (packet.type !== CONNECT) return server.length === 0 ? MORE : likelyLater(client, server)
  const content = latin1(packet.content, 16)
  const name = NAMES.find(known => content.startsWith(known))
  if (!name) return NAMES.some(known => known.startsWith(content)) && server.length === 0 ? MORE : NO
  const level = packet.content[name.length]
  if (level === undefined) return MORE
  return LEVELS.has(level) ? certain('CONNECT that names MQTT') : NO
}

/** Of a connection that was met after its CONNECT: both sides are packets from their first byte to their last. */
const likelyLater = (client: Uint8Array, server: Uint8Array): Recognition =>
  isPackets(client) && isPackets(server) ? likely('packets of MQTT on both sides') : NO

function isPackets(bytes: Uint8Array): boolean {
  let at = 0
  while (at < bytes.length) {
    const packet = packetAt(bytes, at)
    if (!packet) return false
    at = packet.end
  }
  return at === bytes.length
}

export const mqtt: Protocol = { application: 'mqtt', transports: ['TCP'], recognise }
