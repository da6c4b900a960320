import type { Application, Transport } from '@sekisho/core'
import type { Reading } from './reading.ts'

/** Who opened the conversation is the client. */
export type Side = 'client' | 'server'

/**
 * How a conversation began: of TCP the first bytes of each side's stream, of UDP each side's first datagram.
 * At most `LIMITS.openingBytes` a side; empty while a side has said nothing.
 */
export interface Opening {
  readonly transport: Transport
  readonly client: Uint8Array
  readonly server: Uint8Array
  /** Who spoke first; absent while nobody has. */
  readonly first?: Side
}

/**
 * What a protocol says to an opening. `likely`: others could begin alike, and the other side's first bytes may settle
 * it; `certain`: nothing else begins so. Evidence is a short phrase that names what decided, as in `greeting "SSH-2.0-"`.
 */
export type Recognition =
  | { readonly kind: 'no' }
  /** All bytes so far fit, and they are too few. */
  | { readonly kind: 'more' }
  | { readonly kind: 'likely' | 'certain'; readonly evidence: string }

export const NO: Recognition = Object.freeze({ kind: 'no' })
export const MORE: Recognition = Object.freeze({ kind: 'more' })
export const likely = (evidence: string): Recognition => ({ kind: 'likely', evidence })
export const certain = (evidence: string): Recognition => ({ kind: 'certain', evidence })

/** Follows one conversation. It never throws and never keeps more than its limit of foreign bytes. */
export interface ConversationReader {
  /**
   * The next bytes of one side: of TCP in order and each once, of UDP one whole datagram.
   * @param bytes a view into a receive buffer, valid only during the call: copy what is kept.
   */
  read(side: Side, bytes: Uint8Array): readonly Reading[]
  /**
   * Asks whether all that is still to come can be read from the client's bytes alone, asked again while it cannot.
   * A reader that says yes gets no more bytes of the server, and becomes nothing else. Absent: never.
   */
  leaveServer?(): boolean
}

/** One application protocol. Pure; `recognise` is asked again with more bytes after `more` and `likely`. */
export interface Protocol {
  readonly application: Application
  readonly transports: readonly Transport[]
  recognise(opening: Opening): Recognition
  /** Absent where nothing beyond the name is read. */
  open?(transport: Transport): ConversationReader
}
