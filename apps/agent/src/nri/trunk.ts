import { LIMITS, Malformed } from '@sekisho/core'

/*
 * Two protocols, one in the other, on a stream:
 *   NRI's own   connection(32) length(32) bytes          pkg/net/multiplex of github.com/containerd/nri
 *   ttrpc       length(32) stream(32) type(8) flags(8) bytes     PROTOCOL.md of github.com/containerd/ttrpc
 * all big-endian. A message of the inner one may be cut into several frames of the outer one.
 */

/** Who is asked: we by the runtime, or the runtime by us. */
export const CONNECTION = { plugin: 1, runtime: 2 } as const
export const TYPE = { request: 1, response: 2 } as const

export interface Message {
  readonly connection: number
  readonly stream: number
  readonly type: number
  readonly payload: Uint8Array
}

interface Layout {
  readonly header: number
  /** Where in the header the length is of what follows it. */
  readonly lengthAt: number
  readonly most: number
}

const TTRPC_HEADER = 10
const MULTIPLEXED: Layout = { header: 8, lengthAt: 4, most: LIMITS.nriMessageBytes.value + TTRPC_HEADER }
const TTRPC: Layout = { header: TTRPC_HEADER, lengthAt: 0, most: LIMITS.nriMessageBytes.value }

/** Cuts a stream into frames that say how long they are. Holds one at most, of which each byte is copied once. */
class Frames {
  readonly #layout: Layout
  /** The header, and when that is here the whole frame. */
  #frame: Buffer
  #filled = 0

  constructor(layout: Layout) {
    this.#layout = layout
    this.#frame = Buffer.alloc(layout.header)
  }

  /** @throws Malformed */
  *cut(bytes: Uint8Array): Generator<Buffer> {
    let rest = bytes
    while (rest.length > 0) {
      const taken = rest.subarray(0, this.#frame.length - this.#filled)
      this.#frame.set(taken, this.#filled)
      this.#filled += taken.length
      rest = rest.subarray(taken.length)
      if (this.#filled < this.#frame.length || this.#grow()) continue
      yield this.#frame
      this.#frame = Buffer.alloc(this.#layout.header)
      this.#filled = 0
    }
  }

  /** @returns whether there is more of the frame behind its header. */
  #grow(): boolean {
    const { header, lengthAt, most } = this.#layout
    if (this.#filled > header) return false
    const length = this.#frame.readUInt32BE(lengthAt)
    if (length > most) throw new Malformed(`a frame of ${length} bytes`, lengthAt)
    if (length === 0) return false
    const head = this.#frame
    this.#frame = Buffer.alloc(header + length)
    this.#frame.set(head)
    return true
  }
}

/** Reads what the runtime's end writes. */
export class Trunk {
  readonly #frames = new Frames(MULTIPLEXED)
  readonly #connections = new Map<number, Frames>(
    Object.values(CONNECTION).map(connection => [connection, new Frames(TTRPC)]),
  );

  /** @throws Malformed, after which nothing can be read any more. */
  *read(bytes: Uint8Array): Generator<Message> {
    for (const outer of this.#frames.cut(bytes)) {
      const connection = outer.readUInt32BE(0)
      // Of connections that are not opened nothing is read, as the other end does.
      const frames = this.#connections.get(connection)?.cut(outer.subarray(MULTIPLEXED.header)) ?? []
      for (const inner of frames) {
        const [stream, type] = [inner.readUInt32BE(4), inner.readUInt8(8)]
        yield { connection, stream, type, payload: inner.subarray(TTRPC.header) }
      }
    }
  }
}

/** More in one frame than the other end's buffer breaks its connection. */
const FRAME_MOST = 4_096

/** @throws RangeError for a payload that no other end would read. */
export function frame({ connection, stream, type, payload }: Message): Buffer {
  const length = TTRPC.header + payload.length
  if (length > FRAME_MOST) throw new RangeError(`a message of ${payload.length} bytes`)
  const bytes = Buffer.alloc(MULTIPLEXED.header + length)
  bytes.writeUInt32BE(connection, 0)
  bytes.writeUInt32BE(length, 4)
  bytes.writeUInt32BE(payload.length, 8)
  bytes.writeUInt32BE(stream, 12)
  bytes.writeUInt8(type, 16)
  bytes.set(payload, 18)
  return bytes
}
