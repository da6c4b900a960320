import { NLM } from '../../netlink/message.ts'
import { FAMILY, messageType, SUBSYSTEM } from '../subsystem.ts'
import { MESSAGE } from './packet.ts'

const VERDICT_HEADER = 2
const MARK = 3
/** include/uapi/linux/netfilter.h. */
const ACTION = { drop: 0, accept: 1 } as const

/** What is to happen to a packet. `accept` goes on with the chains behind the one that queued it. */
export interface Verdict {
  readonly queue: number
  readonly action: keyof typeof ACTION
  /**
   * The packet's new mark, all 32 bits, by which those chains know what was decided. (The connection's mark can be
   * written with a verdict only by kernels that are built with NETFILTER_NETLINK_GLUE_CT.)
   */
  readonly mark?: number
}

/** nlmsghdr 16, nfgenmsg 4, the verdict's attribute 12, the mark's 8. */
const PLAIN_BYTES = 32
const MARKED_BYTES = 40
const CAPACITY = 64 * MARKED_BYTES

/** Verdict messages end to end, for one send. Without acknowledgements: the kernel answers refusals only. */
export class VerdictWriter {
  /** Off V8's heap, so that it stays where it is during the call. */
  readonly #bytes = new Uint8Array(new ArrayBuffer(CAPACITY))
  readonly #view = new DataView(this.#bytes.buffer)
  #at = 0

  get isFull(): boolean {
    return this.#at + MARKED_BYTES > CAPACITY
  }

  /** The messages since the last call; a view that is valid until the next `add`. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#at)
    this.#at = 0
    return bytes
  }

  add(packet: number, { queue, action, mark }: Verdict): void {
    const at = this.#at
    const length = mark !== undefined ? MARKED_BYTES : PLAIN_BYTES
    const view = this.#view
    view.setUint32(at, length, true)
    view.setUint16(at + 4, messageType(SUBSYSTEM.queue, MESSAGE.verdict), true)
    view.setUint16(at + 6, NLM.request, true)
    view.setUint32(at + 8, 0)
    view.setUint32(at + 12, 0)
    view.setUint8(at + 16, FAMILY.unspec)
    view.setUint8(at + 17, 0)
    view.setUint16(at + 18, queue)
    this.#attribute(at + 20, 12, VERDICT_HEADER)
    view.setUint32(at + 24, ACTION[action])
    view.setUint32(at + 28, packet)
    if (mark !== undefined) {
      this.#attribute(at + 32, 8, MARK)
      view.setUint32(at + 36, mark)
    }
    this.#at = at + length
  }

  #attribute(at: number, length: number, type: number): void {
    this.#view.setUint16(at, length, true)
    this.#view.setUint16(at + 2, type, true)
  }
}
