import type { ApplicationDefinition } from '@sekisho/core'
import type { NameAddress } from '@sekisho/inspect'
import type { AppliedDnsProfile, FlowFacts, OnFailure, Residual } from '@sekisho/policy'
import type { QueueNumbers } from '../queues.ts'
import type { ConversationEnds, NotInspected } from './inspector.ts'
import type { Report } from './reporter.ts'
import type { Notice } from './watch.ts'

/** What a worker needs before it reads its first packet. */
export interface InspectionSetup {
  readonly netns?: string | undefined
  readonly numbers: QueueNumbers
  readonly identify: boolean
  readonly definitions: readonly ApplicationDefinition[]
  /** See `InspectionOptions.domainLists`. */
  readonly domainLists?: string | undefined
  /** One word, 1 while there are orders. */
  readonly words: SharedArrayBuffer
  /** The eventfd that tells the worker of orders while it waits for one. */
  readonly wake: number
}

/** `Terms` as data. */
export interface TermsData {
  readonly residual: Residual
  readonly facts: FlowFacts
  readonly onFailure: OnFailure
  readonly isResolver?: boolean
  readonly dns?: readonly AppliedDnsProfile[]
}

/** To the worker. */
export type InspectionOrder =
  | { readonly kind: 'terms'; readonly key: string; readonly terms: TermsData }
  /** Policies, labels or addresses have changed: all terms are to be asked for again. */
  | { readonly kind: 'revise'; readonly number: number }
  /** Other names lead to these addresses now: terms of conversations with them are to be asked for again. */
  | { readonly kind: 'renamed'; readonly number: number; readonly servers: readonly string[] }
  /** The kernel knows the addresses of the answer of that number. */
  | { readonly kind: 'programmed'; readonly number: number }
  /** What users say of applications has changed; it counts for conversations that begin from here on. */
  | {
      readonly kind: 'define'
      readonly number: number
      readonly definitions: readonly ApplicationDefinition[]
    }
  /** A report was read: another may be sent. */
  | { readonly kind: 'heard' }
  | { readonly kind: 'stop' }

export interface Told {
  readonly ends: ConversationEnds
  /** Requests are told by number. */
  readonly notice: Exclude<Notice, { readonly kind: 'judged' }>
}

/** From the worker. */
export type InspectionReport =
  | { readonly kind: 'ask'; readonly key: string; readonly ends: ConversationEnds }
  | {
      readonly kind: 'told'
      readonly report: Report
      readonly flows: number
      /** Since the start. */
      readonly notInspected: ReadonlyMap<NotInspected, number>
    }
  /** A resolver answered; the packet waits for `programmed`. */
  | { readonly kind: 'answered'; readonly number: number; readonly names: readonly NameAddress[] }
  /** Nothing is decided any more by terms from before the order of that number. */
  | { readonly kind: 'revised'; readonly number: number }
  | { readonly kind: 'ready' }
