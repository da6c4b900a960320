import { LIMITS } from '@sekisho/core'
import type { PacketQueue, QueuedPacket, QueueVerdict } from '@sekisho/linux'
import type { OnFailure } from '@sekisho/policy'
import { PACKET_MARK } from '../mark.ts'
import { QUEUE_CLASSES, type QueueNumbers, type QueueSide } from '../queues.ts'
import type { HeldAnswers } from './held-answers.ts'
import type { Glance, Identification } from './identification.ts'
import type { Inspector, OfferedPacket, Treatment } from './inspector.ts'

export interface QueueLoopOptions {
  readonly queue: PacketQueue
  readonly numbers: QueueNumbers
  readonly inspector: Pick<Inspector, 'packet'>
  /** Of what no policy asks about. */
  readonly identification: Pick<Identification, 'packet'>
  readonly answers: Pick<HeldAnswers, 'tell' | 'forget'>
}

/** What a queue's number says of its packets, and its verdicts. */
interface Line {
  readonly fromClient: boolean
  readonly onFailure: OnFailure
  /** By a policy. */
  readonly isAsked: boolean
  readonly pass: QueueVerdict
  readonly drop: QueueVerdict
}

interface Waiting {
  readonly id: number
  readonly line: Line
  readonly mark: number
  readonly packet: OfferedPacket
}

const BATCHES_MAX = 16

/** Takes packets from the queues, asks the inspector, and sends the verdicts of a batch at once. */
export class QueueLoop {
  readonly #options: QueueLoopOptions
  /** Packets of conversations whose terms are not known yet; they stay in the kernel, and copies here. */
  #waiting: Waiting[] = []
  readonly #lines: ReadonlyMap<number, Line>

  constructor(options: QueueLoopOptions) {
    this.#options = options
    this.#lines = new Map(lines(options.numbers).map(line => [line.pass.queue, line]))
  }

  /**
   * Handles what waits in the kernel, a few batches at most.
   * @param wait blocks the thread until there is a packet, or for as long as the queue was opened for.
   * @returns whether there was any.
   */
  turn(wait = false): boolean {
    const { queue } = this.#options
    for (let batch = 0; batch < BATCHES_MAX; batch++) {
      const count = queue.receive(this.#visit, wait && batch === 0)
      queue.flush()
      // What is not full was all there is: asking again would cost a system call for nothing.
      if (count < queue.batch) return batch > 0 || count > 0
    }
    return true
  }

  /** Offers what waited for terms again, in its order. */
  retry(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) this.#treat(one, this.#options.inspector.packet(one.packet))
    this.#options.queue.flush()
  }

  readonly #visit = (queued: QueuedPacket): void => {
    const { id, queue, mark, bytes, checksummed } = queued
    const line = this.#lines.get(queue)
    if (!line) return
    const packet = { bytes, checksummed, fromClient: line.fromClient, onFailure: line.onFailure }
    const { inspector, identification } = this.#options
    this.#treat({ id, line, mark, packet }, (line.isAsked ? inspector : identification).packet(packet))
  }

  #treat(one: Waiting, treatment: Treatment | Glance): void {
    const { id, line, mark, packet } = one
    const { queue: packets, answers } = this.#options
    switch (treatment) {
      case 'pass':
        answers.tell(() => packets.decide(id, line.pass))
        return
      case 'requests-only':
      case 'everything':
        answers.tell(() => packets.decide(id, marked(line, mark, MARKS[treatment])))
        return
      case 'drop':
        answers.forget()
        packets.decide(id, line.drop)
        return
      case 'release':
        answers.tell(() => packets.decide(id, marked(line, mark, PACKET_MARK.released)))
        return
      case 'identified':
        packets.decide(id, marked(line, mark, PACKET_MARK.identified))
        return
      case 'wait':
        if (this.#waiting.length >= LIMITS.waitingPackets.value)
          packets.decide(id, line.onFailure === 'open' ? line.pass : line.drop)
        else this.#waiting.push({ id, line, mark, packet: { ...packet, bytes: packet.bytes.slice() } })
    }
  }
}

const MARKS = { 'requests-only': PACKET_MARK.requestsOnly, everything: PACKET_MARK.everything } as const

const marked = ({ pass }: Line, mark: number, bit: number): QueueVerdict => ({
  ...pass,
  mark: (mark | bit) >>> 0,
})

const lines = (numbers: QueueNumbers): readonly Line[] =>
  QUEUE_CLASSES.flatMap(kind =>
    (['original', 'reply'] as const).map((side: QueueSide) => {
      const queue = numbers[kind][side]
      const verdict = (action: 'accept' | 'drop') => ({ queue, action })
      return {
        fromClient: side === 'original',
        onFailure: kind === 'closed' ? 'closed' : 'open',
        isAsked: kind !== 'identify',
        pass: verdict('accept'),
        drop: verdict('drop'),
      }
    }),
  )
