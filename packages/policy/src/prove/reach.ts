import { formatIp } from '@sekisho/core'
import type { PolicySet } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import type { FlowSet, Piece } from './pieces.ts'
import { depends, passes, type ReachProof, type Witness, type WitnessEnd } from './result.ts'
import { type PointClass, Space } from './space.ts'
import { Survey, type SurveyOptions } from './survey.ts'

/** Can anything of a set reach anything of another? */
export interface ReachQuery extends FlowSet, SurveyOptions {
  /** `allow` (default) looks for a flow that passes, `deny` for one that does not. */
  readonly verdict?: 'allow' | 'deny'
  readonly policies?: PolicySet
  /** How many witnesses to collect, one for each pair of classes; 1 unless given. */
  readonly limit?: number
}

export function witnessEnd({ first, members }: PointClass, end = first.end): WitnessEnd {
  const member = members.find(point => point.end === end) ?? first
  const { workload, ip, range } = member
  return {
    name: workload ? `${workload.namespace}/${workload.name}` : ip ? formatIp(ip) : '',
    alike: members.length,
    ...(range && {
      range: [
        formatIp({ family: range.family, value: range.first }),
        formatIp({ family: range.family, value: range.last }),
      ] as const,
    }),
  }
}

export const witness = (piece: Piece, decision: Witness['decision']): Witness => ({
  query: piece.query,
  decision,
  source: witnessEnd(piece.source, piece.query.source),
  destination: witnessEnd(piece.destination, piece.query.destination),
  ports: piece.ports,
})

/**
 * Whether any flow of the question has the verdict. The space of flows is cut wherever a rule can tell two flows apart,
 * and the engine itself decides one of each piece: the answer is about all flows, and in the words of `decide`.
 */
export function proveReach(model: Model, query: ReachQuery): ReachProof {
  const { verdict = 'allow', policies = 'enforce', limit = 1 } = query
  const space = new Space(model)
  const survey = new Survey(query)
  const sure: Witness[] = []
  const can: Witness[] = []
  for (const pair of survey.pairs(model, space, query)) {
    for (const piece of survey.pieces(pair, query.ports)) {
      const decision = model.decide(piece.query, policies)
      const has = passes(decision) === (verdict === 'allow')
      if (depends(decision) && can.length < limit) can.push(witness(piece, decision))
      if (!has || depends(decision)) continue
      sure.push(witness(piece, decision))
      break
    }
    if (sure.length >= limit) break
  }
  // A flow that surely has the verdict says more than one that can have it.
  const found = sure.length > 0 ? 'sure' : can.length > 0 ? 'can' : false
  return { kind: 'reach', verdict, found, witnesses: found === 'sure' ? sure : can, covered: survey.covered }
}
