import { Malformed } from '@sekisho/core'
import type { ConversationReader, Side } from './protocol.ts'
import { NOTHING, type Reading, unreadable } from './reading.ts'

/** Reads bytes and appends what it found; raises `Malformed` where they are not what the protocol allows. */
export interface BoldReader {
  read(side: Side, bytes: Uint8Array, found: Reading[]): void
  /** See `ConversationReader`. */
  leaveServer?(): boolean
}

const FINAL: ReadonlySet<Reading['kind']> = new Set(['becomes', 'opaque', 'unreadable'])

/**
 * The one place where `Malformed` ends: it becomes a reading, after what was found before it, and nothing is read any
 * more; nor after the conversation became opaque or another. An error of any other kind is a mistake of ours and surfaces.
 */
export function guarded(reader: BoldReader): ConversationReader {
  return new Guarded(reader)
}

class Guarded implements ConversationReader {
  #reader: BoldReader | undefined

  constructor(reader: BoldReader) {
    this.#reader = reader
  }

  read(side: Side, bytes: Uint8Array): readonly Reading[] {
    if (!this.#reader) return NOTHING
    const found: Reading[] = []
    try {
      this.#reader.read(side, bytes, found)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      found.push(unreadable(error.message))
    }
    const last = found.at(-1)
    if (!last) return NOTHING
    // What can end is let go with all that it holds.
    if (FINAL.has(last.kind)) this.#reader = undefined
    return found
  }

  leaveServer(): boolean {
    return this.#reader?.leaveServer?.() ?? false
  }
}
