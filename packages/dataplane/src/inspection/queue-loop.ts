import { LIMITS } from '@sekisho/core'
import type { PacketQueue, QueuedPacket, QueueVerdict } from '@sekisho/linux'
import type { Inspector, OfferedPacket, Treatment } from './inspector.ts'

/** The queues of one worker: by their number it is known who opened the connection. */
export interface QueueNumbers {
  /** Packets of whoever opened it. */
  readonly original: number
  readonly reply: number
}

export interface QueueLoopOptions {
  readonly queue: PacketQueue
  readonly numbers: QueueNumbers
  readonly inspector: Inspector
  /** Bit of the packet's mark that tells the chains behind the queue that the kernel may have the rest. */
  readonly releaseMark: number
}

interface Waiting {
  readonly id: number
  readonly queue: number
  readonly mark: number
  readonly packet: OfferedPacket
}

const BATCHES_MAX = 16

/** Takes packets from the queues, asks the inspector, and sends the verdicts of a batch at once. */
export class QueueLoop {
  readonly #options: QueueLoopOptions
  /** Packets of conversations whose terms are not known yet; they stay in the kernel, and copies here. */
  #waiting: Waiting[] = []
  readonly #verdicts: Readonly<Record<'original' | 'reply', Readonly<Record<'pass' | 'drop', QueueVerdict>>>>

  constructor(options: QueueLoopOptions) {
    this.#options = options
    const verdicts = (queue: number) =>
      ({ pass: { queue, action: 'accept' }, drop: { queue, action: 'drop' } }) as const
    const { original, reply } = options.numbers
    this.#verdicts = { original: verdicts(original), reply: verdicts(reply) }
  }

  /**
   * Handles what waits in the kernel, a few batches at most.
   * @param wait blocks the thread until there is a packet, or for as long as the queue was opened for.
   */
  turn(wait = false): void {
    const { queue } = this.#options
    for (let batch = 0; batch < BATCHES_MAX; batch++) {
      const count = queue.receive(this.#visit, wait && batch === 0)
      queue.flush()
      // What is not full was all there is: asking again would cost a system call for nothing.
      if (count < queue.batch) return
    }
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
    const packet = { bytes, checksummed, fromClient: queue === this.#options.numbers.original }
    this.#treat({ id, queue, mark, packet }, this.#options.inspector.packet(packet))
  }

  #treat(one: Waiting, treatment: Treatment): void {
    const { id, queue, mark, packet } = one
    const { releaseMark, queue: packets } = this.#options
    const verdicts = this.#verdicts[packet.fromClient ? 'original' : 'reply']
    switch (treatment) {
      case 'pass':
      case 'drop':
        packets.decide(id, verdicts[treatment])
        return
      case 'release':
        packets.decide(id, { ...verdicts.pass, mark: (mark | releaseMark) >>> 0 })
        return
      case 'wait':
        if (this.#waiting.length >= LIMITS.waitingPackets.value) packets.decide(id, verdicts.drop)
        else this.#waiting.push({ id, queue, mark, packet: { ...packet, bytes: packet.bytes.slice() } })
    }
  }
}
