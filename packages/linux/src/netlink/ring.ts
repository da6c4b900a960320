import { addressOf, emptyIsNone, libcRecvmmsg, retrying } from '../libc.ts'

/** struct mmsghdr on 64-bit Linux: msghdr of 56 bytes, then msg_len. */
const HEADER = {
  size: 64,
  name: 0,
  nameLength: 8,
  vectors: 16,
  vectorCount: 24,
  flags: 48,
  length: 56,
} as const
const VECTOR = { size: 16, base: 0, length: 8 } as const
/** struct sockaddr_nl: family:u16 pad:u16 port:u32 groups:u32. */
const NAME = { size: 12, port: 4 } as const
const MSG_TRUNC = 0x20

export interface Received {
  /** Whole datagrams of the kernel, end to end; a copy that may be kept or transferred. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Datagrams cut off because they were larger than a slot, or not sent by the kernel. */
  readonly refused: number
}

/**
 * Everything `recvmmsg` points to, owned by one object. The header array holds the *addresses* of the vectors,
 * names and slots, which the garbage collector cannot see: as long as this object is reachable, so are they.
 * Each lives in an ArrayBuffer of its own, because small typed arrays sit on V8's heap, where they move.
 */
export class ReceiveRing {
  readonly #headers: Uint8Array
  readonly #vectors: Uint8Array
  readonly #names: Uint8Array
  readonly #slots: Uint8Array
  readonly #view: DataView
  readonly #nameView: DataView
  readonly #count: number
  readonly #slotBytes: number

  constructor(count: number, slotBytes: number) {
    const offHeap = (size: number) => new Uint8Array(new ArrayBuffer(size))
    this.#count = count
    this.#slotBytes = slotBytes
    this.#headers = offHeap(count * HEADER.size)
    this.#vectors = offHeap(count * VECTOR.size)
    this.#names = offHeap(count * NAME.size)
    this.#slots = offHeap(count * slotBytes)
    this.#view = new DataView(this.#headers.buffer)
    this.#nameView = new DataView(this.#names.buffer)
    this.#link()
  }

  #link(): void {
    const vectors = new DataView(this.#vectors.buffer)
    const [names, base, slots] = [addressOf(this.#names), addressOf(this.#vectors), addressOf(this.#slots)]
    for (let i = 0; i < this.#count; i++) {
      const at = i * HEADER.size
      this.#view.setBigUint64(at + HEADER.name, names + BigInt(i * NAME.size), true)
      this.#view.setBigUint64(at + HEADER.vectors, base + BigInt(i * VECTOR.size), true)
      this.#view.setBigUint64(at + HEADER.vectorCount, 1n, true)
      vectors.setBigUint64(i * VECTOR.size + VECTOR.base, slots + BigInt(i * this.#slotBytes), true)
      vectors.setBigUint64(i * VECTOR.size + VECTOR.length, BigInt(this.#slotBytes), true)
    }
  }

  /**
   * Receives what is there, up to one datagram per slot.
   * @param flags MSG_DONTWAIT, or MSG_WAITFORONE to block until there is one.
   * @throws SystemError EAGAIN when there is none, ENOBUFS when the kernel had to drop messages.
   */
  receive(fd: number, flags: number): Received {
    const count = this.#fill(fd, flags)
    let [end, refused] = [0, 0]
    for (let i = 0; i < count; i++) {
      const length = this.#accepted(i)
      const start = i * this.#slotBytes
      if (length === 0) refused++
      // Together at the beginning, so that one copy holds them all; never over a slot that is still to come.
      else if (start > end) this.#slots.copyWithin(end, start, start + length)
      end += length
    }
    return { bytes: this.#slots.slice(0, end), refused }
  }

  /**
   * The same without a copy: each datagram is looked at where the kernel put it, before the next call.
   * @param each is told which `length` bytes of all slots are one.
   * @returns how many there were, those that were refused included; 0 when there is none, or none came in time.
   */
  visit(fd: number, flags: number, each: (slots: Uint8Array, start: number, length: number) => void): number {
    const count = this.#fill(fd, flags, emptyIsNone)
    for (let i = 0; i < count; i++) {
      const length = this.#accepted(i)
      const start = i * this.#slotBytes
      if (length > 0) each(this.#slots, start, length)
    }
    return count
  }

  #fill(fd: number, flags: number, repeat = retrying): number {
    for (let i = 0; i < this.#count; i++) {
      this.#view.setUint32(i * HEADER.size + HEADER.nameLength, NAME.size, true)
    }
    return repeat('recvmmsg', () => libcRecvmmsg(fd, this.#headers, this.#count, flags, null))
  }

  /**
   * Bytes of a datagram; 0 when it is refused. Any process with CAP_NET_ADMIN may send to our port; only port 0, the
   * kernel, is believed.
   */
  #accepted(index: number): number {
    const at = index * HEADER.size
    const truncated = (this.#view.getUint32(at + HEADER.flags, true) & MSG_TRUNC) !== 0
    const sender = this.#nameView.getUint32(index * NAME.size + NAME.port, true)
    return truncated || sender !== 0 ? 0 : this.#view.getUint32(at + HEADER.length, true)
  }
}
