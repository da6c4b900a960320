import type { ApplicationName, Transport } from '@sekisho/core'
import type { Protocol } from '../protocol.ts'
import { Candidates } from './candidates.ts'
import { Conversation } from './conversation.ts'
import type { CustomProtocol } from './custom.ts'

export interface IdentifierOptions {
  readonly protocols: readonly Protocol[]
  /** Asked before those that are built in. */
  readonly custom?: readonly CustomProtocol[]
  /** A recogniser or a reader threw. That is a bug of ours: the packet's verdict is what is configured for failures. */
  readonly onEngineError?: (application: ApplicationName | undefined, error: unknown) => void
}

/** Opens conversations that all know the same applications. Made once; a change of the custom ones makes a new one. */
export class Identifier {
  readonly candidates: Candidates
  /** Told by conversations. */
  readonly onError: (application: ApplicationName | undefined, error: unknown) => void
  #engineErrors = 0

  constructor({ protocols, custom = [], onEngineError }: IdentifierOptions) {
    this.candidates = new Candidates([...custom, ...protocols])
    this.onError = (application, error) => {
      this.#engineErrors++
      onEngineError?.(application, error)
    }
  }

  /** How often a recogniser or reader threw. */
  get engineErrors(): number {
    return this.#engineErrors
  }

  open(transport: Transport): Conversation {
    return new Conversation(this, transport)
  }
}
