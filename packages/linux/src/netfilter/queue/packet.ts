import { messageType, SUBSYSTEM } from '../subsystem.ts'

/** enum nfqnl_msg_types. */
export const MESSAGE = { packet: 0, verdict: 1, config: 2 } as const
/** enum nfqnl_attr_type. */
const PACKET = {
  header: 1,
  mark: 3,
  inInterface: 5,
  outInterface: 6,
  payload: 10,
  length: 13,
  state: 14,
} as const
const CHECKSUM_NOT_READY = 1
const NETLINK_HEADER = 16
const GENERIC_HEADER = 4
const ATTRIBUTE_HEADER = 4
const TYPE_MASK = 0x3fff
const PACKET_MESSAGE = messageType(SUBSYSTEM.queue, MESSAGE.packet)

/** A packet in a queue. One object is filled for one packet after the other. */
export interface QueuedPacket {
  /** Within its queue. */
  id: number
  queue: number
  /** enum nf_inet_hooks: 1 input, 2 forward, 3 output. */
  hook: number
  mark: number
  /** Index of the interface; 0 where there is none. */
  inInterface: number
  outInterface: number
  /** From the IP header on, where the kernel put them: valid until the next packet is read. */
  bytes: Uint8Array
  /** Of the packet, which is longer than `bytes` when it was cut. */
  length: number
  /** False where the network card, or the kernel when it sends, is still to compute the checksum. */
  checksummed: boolean
}

const NOTHING = new Uint8Array()
let viewed: Uint8Array = NOTHING
let view: DataView = new DataView(NOTHING.buffer)

/** A view over the receive buffer, which is the same from packet to packet: to ask for its `buffer` costs more than that. */
function viewOf(slots: Uint8Array): DataView {
  if (slots !== viewed) {
    viewed = slots
    view = new DataView(slots.buffer)
  }
  return view
}

/** A datagram of the kernel: so many bytes of `slots`, which has a buffer of its own. */
export interface Datagram {
  readonly slots: Uint8Array
  readonly start: number
  readonly length: number
}

/**
 * Reads one message of the kernel: nlmsghdr, nfgenmsg (its resource is the queue), attributes. By hand and in place:
 * this runs for every packet of an inspected conversation.
 * @returns false for anything that is not a whole packet message, such as the refusal of a verdict.
 */
export function readQueuedPacket({ slots, start, length: size }: Datagram, into: QueuedPacket): boolean {
  if (size < NETLINK_HEADER + GENERIC_HEADER) return false
  const data = viewOf(slots)
  const end = start + Math.min(size, data.getUint32(start, true))
  if (data.getUint16(start + 4, true) !== PACKET_MESSAGE) return false
  into.queue = data.getUint16(start + NETLINK_HEADER + 2)
  into.mark = into.inInterface = into.outInterface = into.length = 0
  into.checksummed = true
  into.bytes = NOTHING
  let named = false
  for (let at = start + NETLINK_HEADER + GENERIC_HEADER; at + ATTRIBUTE_HEADER <= end; ) {
    const length = data.getUint16(at, true)
    if (length < ATTRIBUTE_HEADER || at + length > end) return false
    const value = at + ATTRIBUTE_HEADER
    switch (data.getUint16(at + 2, true) & TYPE_MASK) {
      case PACKET.header:
        if (length < ATTRIBUTE_HEADER + 7) return false
        into.id = data.getUint32(value)
        into.hook = data.getUint8(value + 6)
        named = true
        break
      case PACKET.payload:
        into.bytes = slots.subarray(value, at + length)
        break
      default:
        if (length === ATTRIBUTE_HEADER + 4) number(into, data.getUint16(at + 2, true), data.getUint32(value))
    }
    at += (length + 3) & ~3
  }
  if (into.length === 0) into.length = into.bytes.length
  return named
}

/** Attributes that are one 32-bit number. */
function number(into: QueuedPacket, type: number, value: number): void {
  if (type === PACKET.mark) into.mark = value
  else if (type === PACKET.inInterface) into.inInterface = value
  else if (type === PACKET.outInterface) into.outInterface = value
  else if (type === PACKET.length) into.length = value
  else if (type === PACKET.state) into.checksummed = (value & CHECKSUM_NOT_READY) === 0
}
