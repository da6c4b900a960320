import { PacketHeader, TCP } from '../../src/index.ts'

const behind = (a: number, b: number): number => (a - b) | 0

/** What an honest host does with two copies of bytes that it cannot use yet. */
export type Preference = 'first' | 'last'

/** What arrives at a receiver. */
export interface Arrival {
  readonly header: PacketHeader
  readonly payload: Uint8Array
}

/**
 * A server as RFC 9293 and Linux have it, as far as it matters to what it reads: it takes one SYN, puts bytes in order,
 * keeps those that are ahead, never takes a byte again that it has, ends at FIN, and resets only at the exact number.
 */
export class Receiver {
  readonly #preference: Preference
  /** Whether data on SYN is taken (TCP Fast Open). */
  readonly #takesSynData: boolean
  readonly #ahead = new Map<number, number>()
  readonly #read: number[] = []
  #state: 'listening' | 'open' | 'closed' = 'listening'
  #next = 0
  #endAt: number | undefined
  static readonly INITIAL = 500

  constructor(preference: Preference, takesSynData: boolean) {
    this.#preference = preference
    this.#takesSynData = takesSynData
  }

  /** What the program has read. */
  get read(): readonly number[] {
    return this.#read
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** @param flags the acknowledgement, or SYN with it. */
  answer(flags: number): PacketHeader {
    const header = new PacketHeader()
    header.flags = flags | TCP.ACK
    header.sequence = (flags & TCP.SYN) !== 0 ? Receiver.INITIAL : Receiver.INITIAL + 1
    header.acknowledgement = this.#next
    return header
  }

  arrive({ header, payload }: Arrival): void {
    if ((header.flags & TCP.SYN) !== 0) this.#begin(header, payload)
    else if (this.#state !== 'open') return
    else if ((header.flags & TCP.RST) !== 0) this.#reset(header)
    else if ((header.flags & TCP.ACK) !== 0)
      this.#take(header.sequence, payload, (header.flags & TCP.FIN) !== 0)
  }

  #begin(header: PacketHeader, payload: Uint8Array): void {
    if (this.#state !== 'listening' || (header.flags & TCP.ACK) !== 0) return
    this.#state = 'open'
    this.#next = (header.sequence + 1) >>> 0
    if (this.#takesSynData) this.#take(this.#next, payload, false)
  }

  #reset(header: PacketHeader): void {
    if (header.sequence === this.#next) this.#state = 'closed'
  }

  #take(sequence: number, payload: Uint8Array, isEnd: boolean): void {
    for (const [i, byte] of payload.entries()) {
      const at = (sequence + i) >>> 0
      if (behind(at, this.#next) < 0) continue
      if (this.#preference === 'last' || !this.#ahead.has(at)) this.#ahead.set(at, byte)
    }
    const end = (sequence + payload.length) >>> 0
    if (isEnd && behind(end, this.#next) >= 0) this.#endAt = end
    this.#drain()
  }

  #drain(): void {
    for (let byte = this.#ahead.get(this.#next); byte !== undefined; byte = this.#ahead.get(this.#next)) {
      if (this.#next === this.#endAt) break
      this.#ahead.delete(this.#next)
      this.#read.push(byte)
      this.#next = (this.#next + 1) >>> 0
    }
    if (this.#next !== this.#endAt) return
    this.#next = (this.#next + 1) >>> 0
    this.#state = 'closed'
  }
}
