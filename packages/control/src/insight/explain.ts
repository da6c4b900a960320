import {
  type FilterTerm,
  hasPorts,
  knownApplication,
  type Protocol,
  protocolName,
  protocolNumber,
  SekishoError,
} from '@sekisho/core'
import { type Explanation, explain, explainSentences, type PolicyDocument } from '@sekisho/policy'
import type { Window } from '@sekisho/store'
import type { ExplanationView } from '../schema/policies.ts'
import { modelWith } from './history.ts'
import type { InsightPorts } from './ports.ts'
import { type ResolvedEnd, resolveEnd } from './resolve.ts'

export interface ExplainRequest {
  /** `namespace/name` of a workload or its group, or an address. */
  readonly source: string
  readonly destination: string
  /** Left out: the port of the last flow between the two, else the first that the destination declares. */
  readonly port?: number | undefined
  readonly protocol: string
  /** Left out: what was last seen to be spoken. */
  readonly application?: string | undefined
  /** Judge by these instead of the policies in force. */
  readonly documents?: readonly PolicyDocument[] | undefined
}

const PROTOCOLS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6']

/** Names in any case; others by number, `IP/47`. @throws SekishoError bad-request */
function protocolOf(text: string): Protocol {
  const known = PROTOCOLS.find(each => each.toLowerCase() === text.toLowerCase())
  if (known) return known
  const number = /^ip\/(?<number>\d{1,3})$/i.exec(text)?.groups?.number
  if (number !== undefined && Number(number) <= 255) return protocolName(Number(number))
  throw new SekishoError(
    'bad-request',
    `${text} is no protocol: TCP, UDP, SCTP, ICMP, ICMPv6 or IP/<number>.`,
  )
}

/** Why a conversation is allowed or denied. @throws SekishoError not-found, bad-request */
export function explainView(ports: InsightPorts, request: ExplainRequest): ExplanationView {
  const model = request.documents ? modelWith(ports, request.documents) : ports.model
  const protocol = protocolOf(request.protocol)
  const source = resolveEnd(model, request.source)
  const destination = resolveEnd(model, request.destination)
  const between = { source, destination, protocol }
  const port = request.port ?? likelyPort(ports, between)
  const application = request.application ?? spokenOn(ports, between, port)
  const explanation = explain(model, {
    source: source.query,
    destination: destination.query,
    protocol,
    port,
    ...(application !== undefined && { facts: { application: knownApplication(application) } }),
  })
  return {
    ...view(explanation, source, destination),
    ...(application !== undefined && { application }),
  }
}

interface Between {
  readonly source: ResolvedEnd
  readonly destination: ResolvedEnd
  readonly protocol: Protocol
}

const filterOf = ({ source, destination, protocol }: Between): readonly FilterTerm[] => [
  { key: 'src', value: source.view.key, not: false },
  { key: 'dst', value: destination.view.key, not: false },
  { key: 'proto', value: protocol, not: false },
]

/** Flows looked at for one that says what was spoken: attempts that were denied at once say nothing. */
const LOOKED_AT = 50

function spokenOn({ store }: InsightPorts, between: Between, port: number): string | undefined {
  const filter = [...filterOf(between), { key: 'port' as const, value: String(port), not: false }]
  const { items } = store.records.flows({ window: EVER, filter, limit: LOOKED_AT })
  return items.find(({ application }) => application !== undefined)?.application
}

function likelyPort({ store }: InsightPorts, between: Between): number {
  const { destination, protocol } = between
  if (!hasPorts(protocol) && !protocol.startsWith('ICMP')) return 0
  const seen = store.records.flows({ window: EVER, filter: filterOf(between), limit: 1 }).items[0]?.port
  const same = (other: Protocol) => protocolNumber(other) === protocolNumber(protocol)
  const declared = destination.workload?.ports.find(each => same(each.protocol))?.port
  const port = seen ?? declared
  if (port === undefined)
    throw new SekishoError('bad-request', 'Say which port: none was seen between the two.')
  return port
}

const EVER = { since: 0, until: Number.MAX_SAFE_INTEGER } as Window // the whole of time is a window too

function view(explanation: Explanation, source: ResolvedEnd, destination: ResolvedEnd): ExplanationView {
  const { verdict, outcome, by, why, onDeny, direction, considered, change } = explanation
  return {
    verdict,
    outcome,
    ...(by !== undefined && { by }),
    why,
    ...(onDeny && { onDeny }),
    ...(direction !== undefined && { direction }),
    source: source.view,
    destination: destination.view,
    sentences: { en: explainSentences(explanation, 'en'), ja: explainSentences(explanation, 'ja') },
    considered: considered.map(({ policy, direction: side, outcome: result, rule, mode }) => ({
      policy,
      direction: side,
      outcome: result,
      ...(rule !== undefined && { rule }),
      mode,
    })),
    ...(change && change.yaml !== '' && { change: change.yaml }),
  }
}
