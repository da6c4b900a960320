import type { Protocol } from '@sekisho/core'
import type { Place } from '../manifests/located.ts'
import type { EndSet } from '../prove/ends.ts'
import type { Witness } from '../prove/result.ts'

/** A sentence about every flow between two sets of ends: all of them pass, or none does. */
export interface Expectation {
  /** As it was written. */
  readonly text: string
  readonly from: EndSet
  readonly to: EndSet
  /** Absent means every port of every protocol. */
  readonly port?: number
  readonly protocol?: Protocol
  readonly verdict: 'allow' | 'deny'
  readonly place?: Place
}

/** `no-flow` where an end matches nothing: a test about nothing must not pass. */
export interface ExpectationResult {
  readonly expectation: Expectation
  readonly outcome: 'passed' | 'failed' | 'no-flow'
  /** The flow that has the other verdict. */
  readonly witness?: Witness
}
