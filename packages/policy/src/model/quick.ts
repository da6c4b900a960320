import type { Outcome } from '@sekisho/core'
import type { Decision, FlowQuery, Judgement } from '../decision.ts'
import { type Asked, combine, decideEnds, ingressFromOwnNode } from './decide.ts'
import type { FlowEnds } from './ends.ts'
import { OWN_NODE, SELF } from './evaluators.ts'
import type { ModelIndex } from './model-index.ts'
import { protocolBit } from './screen.ts'
import type { Standing } from './standing.ts'

/** What `decideEnds` says, by numbers where they tell. */
export function decideQuickly(index: ModelIndex, asked: Asked): Decision {
  const { query, ends } = asked
  const from = index.standings.of(ends.source)
  const to = index.standings.of(ends.destination)
  const isOpen = query.facts !== undefined && (from.needsFacts || to.needsFacts)
  const isNumber = (query.port | 0) === query.port
  return (isNumber && !isOpen && byNumbers(index, asked, from, to)) || decideEnds(index, asked)
}

/** What no policy is asked about comes first, as with the evaluators. */
function byNumbers(index: ModelIndex, asked: Asked, from: Standing, to: Standing): Decision | undefined {
  const { query, ends, policies, acting = false } = asked
  const { sheets } = index.standings
  if (ends.source.entry !== undefined && ends.source.entry === ends.destination.entry)
    return combine(SELF, SELF)
  const isAudit = policies === 'audit'
  const sends = acting && !from.isActed ? sheets.nobody : isAudit ? from.auditEgress : from.egress
  const receives = acting && !to.isActed ? sheets.nobody : isAudit ? to.auditIngress : to.ingress
  const bit = protocolBit(query.protocol)
  const egress = sheets.ask(sends, bit, query.port, to)
  const isOwnNode = from.isNode && ingressFromOwnNode(index, ends)
  const ingress = isOwnNode ? OWN_NODE : sheets.ask(receives, bit, query.port, from)
  return egress && ingress && combine(egress, ingress)
}

/** Whether policies in Audit have anything to say that those in Enforce have not. */
function audits({ standings }: ModelIndex, { source, destination }: FlowEnds): boolean {
  const [from, to] = [standings.of(source), standings.of(destination)]
  return from.egress !== from.auditEgress || to.ingress !== to.auditIngress
}

/** The one line where mode is applied: the enforced answer acts, the audited one reports. */
const outcomeOf = (enforced: Decision, audited: Decision): Outcome =>
  enforced.verdict !== 'allow' ? 'denied' : audited.verdict !== 'allow' ? 'audited' : 'allowed'

/** What happens where agents act: each decides for its own side. */
export function judgeQuickly(index: ModelIndex, query: FlowQuery, ends: FlowEnds): Judgement {
  const enforced = decideQuickly(index, { query, ends, policies: 'enforce', acting: true })
  const audited = audits(index, ends)
    ? decideQuickly(index, { query, ends, policies: 'audit', acting: true })
    : enforced
  const outcome = outcomeOf(enforced, audited)
  return { outcome, decision: outcome === 'audited' ? audited : enforced }
}
