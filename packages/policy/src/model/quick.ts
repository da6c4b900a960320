import { type Decision, type FlowQuery, type Judgement, outcomeOf } from '../decision.ts'
import { decideEnds, ingressFromOwnNode } from './decide.ts'
import { type FlowEnds, findEnds } from './ends.ts'
import { type PolicySet, profileSlot } from './entry.ts'
import type { ModelIndex } from './model-index.ts'
import { protocolBit } from './screen.ts'
import { UNTOLD } from './sheets.ts'

/** A question, and what its ends are to each other: where the sheets have their standings. */
interface Meeting {
  readonly query: FlowQuery
  readonly from: number
  readonly to: number
  readonly isSelf: boolean
  /** The source is the node that the destination runs on. */
  readonly isOwnNode: boolean
}

/** Of who is named and has several addresses, that of the other end's family is meant; see `findEnds`. */
function meet(index: ModelIndex, query: FlowQuery): Meeting {
  const { seats } = index
  const { source, destination } = seats.find(query)
  const isNamed = query.source.ip === undefined
  const isAnswering = !isNamed && query.destination.ip === undefined
  return {
    query,
    from: seats.standing(source, isNamed ? seats.family(destination) : 0),
    to: seats.standing(destination, isAnswering ? seats.family(source) : 0),
    isSelf: seats.isSelf(source, destination),
    isOwnNode: seats.isNodeOf(source, destination) ?? ingressFromOwnNode(index, findEnds(index, query)),
  }
}

/** The same of ends that are found. */
function meetEnds(index: ModelIndex, query: FlowQuery, ends: FlowEnds): Meeting {
  const { source, destination } = ends
  const from = index.standings.of(source)
  const to = index.standings.of(destination)
  return {
    query,
    from: from.place,
    to: to.place,
    isSelf: source.entry !== undefined && source.entry === destination.entry,
    isOwnNode: from.isNode && ingressFromOwnNode(index, ends),
  }
}

/** Which policies are asked, see `Asked`, and where a standing has them. */
interface Asking {
  readonly policies: PolicySet
  readonly acting: boolean
  readonly egress: number
  readonly ingress: number
}
const asking = (policies: PolicySet, acting: boolean): Asking => ({
  policies,
  acting,
  egress: profileSlot('egress', policies),
  ingress: profileSlot('ingress', policies),
})
const ALL = { enforce: asking('enforce', false), audit: asking('audit', false) }
const ENFORCED = asking('enforce', true)
const AUDITED = asking('audit', true)

const answer = (index: ModelIndex, meeting: Meeting, asked: Asking): Decision =>
  byNumbers(index, meeting, asked) ??
  decideEnds(index, { query: meeting.query, ends: findEnds(index, meeting.query), ...asked })

/** What no policy is asked about comes first, as with the evaluators. */
function byNumbers(index: ModelIndex, meeting: Meeting, asked: Asking): Decision | undefined {
  const { sheets } = index.standings
  const { from, to } = meeting
  const { protocol, port, facts } = meeting.query
  if ((port | 0) !== port || (facts && (sheets.needsFacts(from) || sheets.needsFacts(to)))) return undefined
  if (meeting.isSelf) return sheets.combine(sheets.self, sheets.self)
  const bit = protocolBit(protocol)
  // Both sides' steps may be far away, and are waited for together.
  const sends = asked.acting && !sheets.acts(from) ? sheets.nobody : sheets.steps(from, asked.egress)
  const receives = asked.acting && !sheets.acts(to) ? sheets.nobody : sheets.steps(to, asked.ingress)
  const sending = sheets.first(sends, bit, port)
  const receiving = sheets.first(receives, bit, port)
  const egress = sheets.ask(sending, bit, port, to)
  if (egress === UNTOLD) return undefined
  if (meeting.isOwnNode) return sheets.combine(egress, sheets.ownNode)
  const ingress = sheets.ask(receiving, bit, port, from)
  return ingress === UNTOLD ? undefined : sheets.combine(egress, ingress)
}

/** What `decideEnds` says, by numbers where they tell. */
export const decideQuickly = (index: ModelIndex, query: FlowQuery, policies: PolicySet): Decision =>
  answer(index, meet(index, query), ALL[policies])

/** Whether policies in Audit have anything to say that those in Enforce have not. */
function audits({ standings: { sheets } }: ModelIndex, { from, to }: Meeting): boolean {
  return (
    sheets.steps(from, ENFORCED.egress) !== sheets.steps(from, AUDITED.egress) ||
    sheets.steps(to, ENFORCED.ingress) !== sheets.steps(to, AUDITED.ingress)
  )
}

function judge(index: ModelIndex, meeting: Meeting): Judgement {
  const enforced = answer(index, meeting, ENFORCED)
  const audited = audits(index, meeting) ? answer(index, meeting, AUDITED) : enforced
  const outcome = outcomeOf(enforced, audited)
  return { outcome, decision: outcome === 'audited' ? audited : enforced }
}

/**
 * What happens where agents act: each decides for its own side.
 * @param ends where they are found already
 */
export const judgeQuickly = (index: ModelIndex, query: FlowQuery, ends?: FlowEnds): Judgement =>
  judge(index, ends ? meetEnds(index, query, ends) : meet(index, query))

/**
 * The same between two ends that are not of one workload, neither of them on a node's address.
 * @param from where the sheets have their standings
 */
export const judgeStrangers = (index: ModelIndex, query: FlowQuery, from: number, to: number): Judgement =>
  judge(index, { query, from, to, isSelf: false, isOwnNode: false })
