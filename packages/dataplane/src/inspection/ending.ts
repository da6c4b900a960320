import { type PacketHeader, TCP } from '@sekisho/inspect'
import type { Decision } from '@sekisho/policy'
import { endAgain, endOf, endWith, type RefusedPacket } from './refusal.ts'
import type { Notice } from './watch.ts'

type Bytes = readonly Uint8Array[]
const NOTHING: Bytes = []

/** How one TCP connection ends if it is denied: what its ends hear, and when. */
export class Ending {
  #isHttp1 = false
  /** What the client had got when it made its last request. */
  #asked: number | undefined
  #isOver = false
  /** After an answer: the end of what the client has said since. */
  #heard: number | undefined

  /** @param header of the packet that it became known by. */
  note(notice: Notice, { acknowledgement }: PacketHeader): void {
    if (notice.kind === 'detail' && notice.detail === 'protocol-version')
      this.#isHttp1 = notice.value.startsWith('1.')
    // What is tunnelled is no HTTP.
    else if (notice.kind === 'identified' && notice.after !== undefined) this.#isHttp1 = false
    else if (notice.kind === 'judged' && notice.answer.enforced.verdict === 'allow')
      this.#asked = acknowledgement
  }

  /** What is to be sent for a packet that does not pass. */
  refuse(packet: RefusedPacket, { onDeny, inspect, by }: Decision, fromClient: boolean): Bytes {
    const how = inspect?.onDeny ?? onDeny
    if (how === undefined) return NOTHING
    if (this.#isOver) return this.#refuseAgain(packet, fromClient)
    this.#isOver = true
    const mayRespond = fromClient && how !== 'reset' && this.#isNextAnswer(packet.header)
    if (mayRespond) this.#heard = endOf(packet.header)
    return endWith(packet, { how, by, mayRespond })
  }

  /**
   * Whether an answer now would be to this request. Where the client has got nothing since an earlier one (pipelining),
   * it would take it for the answer to that.
   */
  #isNextAnswer({ acknowledgement, payloadLength }: PacketHeader): boolean {
    return this.#isHttp1 && payloadLength > 0 && this.#asked !== acknowledgement
  }

  /**
   * Who was answered may need a while to read it, and a reset might take it away: what was on its way stays unanswered,
   * what is repeated or ends does not.
   */
  #refuseAgain(packet: RefusedPacket, fromClient: boolean): Bytes {
    const { header } = packet
    if (!fromClient || this.#heard === undefined) return endAgain(packet)
    if ((header.flags & TCP.FIN) !== 0) return endAgain(packet)
    const end = endOf(header)
    const isFresh = ((end - this.#heard) | 0) > 0
    if (isFresh) this.#heard = end
    return isFresh || header.payloadLength === 0 ? NOTHING : endAgain(packet)
  }
}
