import type { Model } from '../model/model.ts'
import { type DifferenceQuery, proveDifference } from './difference.ts'
import { proveReach, type ReachQuery } from './reach.ts'
import type { DifferenceProof, ReachProof, UnneededProof } from './result.ts'
import type { SurveyOptions } from './survey.ts'
import { findUnneeded } from './unneeded.ts'

export type ProveQuery =
  | ({ readonly kind: 'reach' } & ReachQuery)
  /** `after` must hold the same workloads and nodes. */
  | ({ readonly kind: 'difference'; readonly after: Model } & DifferenceQuery)
  | ({ readonly kind: 'unneeded' } & SurveyOptions)

export type Proof = ReachProof | DifferenceProof | UnneededProof

/** Answers about all workloads, addresses, ports and protocols, with a flow as evidence or the statement that none exists. */
export function prove(model: Model, query: ProveQuery): Proof {
  switch (query.kind) {
    case 'reach':
      return proveReach(model, query)
    case 'difference':
      return proveDifference(model, query.after, query)
    case 'unneeded':
      return findUnneeded(model, query)
  }
}
