import type { ApplicationName, L7Kind, L7Request } from '@sekisho/core'
import type { AnsweredDeny } from './documents/document.ts'

/** What is known of a conversation besides its ends and port. What is absent is not known yet. */
export interface FlowFacts {
  /** `unknown`: it was looked for, and is none of those that are known. */
  readonly application?: ApplicationName | 'unknown'
  /** Names that led to the destination's address; `[]` where it is known that none did. */
  readonly names?: readonly string[]
  /** The request that is asked about. */
  readonly request?: L7Request
}

/** A fact that a rule asks for: the destination's name, the application, or a request of one protocol. */
export type Need = 'name' | 'application' | L7Kind

/** Facts that could change a verdict which holds for as long as they are not known. */
export interface Inspect {
  /** Sorted. */
  readonly needs: readonly Need[]
  /** What is to be done where they cannot be found out: `closed` where any of the policies that ask says so. */
  readonly onFailure: 'open' | 'closed'
  /** How it ends where it fails closed; absent: silently. Of several policies that ask, what tells least. */
  readonly onDeny?: AnsweredDeny
}
