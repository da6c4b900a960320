import type { Direction, Outcome, Reason } from '@sekisho/core'
import type { AnsweredDeny } from '../documents/document.ts'
import type { Need } from '../facts.ts'
import type { Edit, ExplainedEnd } from './explanation.ts'

/** What the sentence about a reason may speak of; texts are in the dictionary's own language. */
export interface ReasonFacts {
  /** The workload whose policies decided. */
  readonly subject: string
  /** The rule or, for an isolation, the policy. */
  readonly by: string
  readonly direction: string
}

export interface Conversation {
  readonly source: string
  readonly destination: string
  /** As in `TCP 443`. */
  readonly service: string
}

/** Every sentence of an explanation in one language; what is missing does not compile. */
export interface Dictionary {
  readonly ends: { readonly [K in ExplainedEnd['kind']]: (end: Extract<ExplainedEnd, { kind: K }>) => string }
  readonly directions: Readonly<Record<Direction, string>>
  readonly outcomes: Readonly<Record<Outcome, (conversation: Conversation) => string>>
  readonly reasons: Readonly<Record<Reason, (facts: ReasonFacts) => string>>
  readonly rule: (policy: string, direction: string, number: number) => string
  readonly policy: (kind: string, name: string) => string
  /** How what is denied ends, where its ends hear of it. */
  readonly endings: Readonly<Record<AnsweredDeny, string>>
  readonly otherSide: Readonly<Record<'allow' | 'deny', (facts: ReasonFacts) => string>>
  readonly needs: Readonly<Record<Need, string>>
  /** What is spoken, where the question says so. */
  readonly spoken: (application: string) => string
  /** The verdict holds for as long as these are not known. */
  readonly inspect: (needs: readonly string[]) => string
  /** A rule that would have matched, had it not ended. */
  readonly expired: (rule: string) => string
  /** Policies select it, but it is not protected. */
  readonly switchedOff: (subject: string) => string
  /** The last touch: spaces and punctuation as the language has them. */
  readonly finish: (sentence: string) => string
  readonly edits: Readonly<Record<Edit, (policy: string) => string>>
}
