import { type EpochMs, FIREWALL, LIMITS, type Outcome, parseRuleId } from '@sekisho/core'
import type { EdgeTotals, RecordedEnd, Window } from '@sekisho/store'
import type { InsightPorts } from './ports.ts'
import { groupKey, isProtectable, type Protection, protectionOf, weaker } from './protection.ts'
import { isMismatch, unexpectedEdges } from './unexpected.ts'

/** Whose finding it is: the workload as its owner has it, which outlives its pods. */
export interface Subject {
  readonly kind: string
  readonly name: string
}

/** Something that stands between a namespace and being well protected. */
export interface Finding {
  readonly category:
    | 'denied-connection'
    | 'audited-connection'
    | 'application-mismatch'
    | 'unexpected-application'
    | 'dns-security'
    | 'attack'
    | 'unprotected-workload'
  /** Policy or check by which it is one, and which part of that. */
  readonly policy: string
  readonly rule?: string
  readonly subject: Subject
  /** `fail`: it happened and is wrong; `warn`: it would be denied, or could be better. */
  readonly result: 'fail' | 'warn'
  readonly severity: 'high' | 'medium' | 'low'
  readonly message: string
  readonly properties: Readonly<Record<string, string>>
  /** When it was first seen within the window; absent for what is so now. */
  readonly since?: EpochMs
}

export interface NamespaceFindings {
  /** By what they say, so that the same findings are the same list. */
  readonly findings: readonly Finding[]
  /** Findings beyond the limit. */
  readonly leftOut: { readonly fail: number; readonly warn: number }
}

/** By namespace; those without any are not there. */
export type FindingsView = Readonly<Record<string, NamespaceFindings>>

/** What is the same finding, whenever it is looked for. */
const identity = ({ category, policy, rule = '', subject, message }: Finding): string =>
  [category, policy, rule, subject.kind, subject.name, message].join('\n')

/** Findings of namespaces, each once, up to the limit. */
class Collection {
  readonly #namespaces = new Map<
    string,
    { readonly found: Map<string, Finding>; readonly leftOut: { fail: number; warn: number } }
  >()

  add(namespace: string, finding: Finding): void {
    const known = this.#namespaces.get(namespace) ?? { found: new Map(), leftOut: { fail: 0, warn: 0 } }
    this.#namespaces.set(namespace, known)
    const key = identity(finding)
    const same = known.found.get(key)
    if (!same && known.found.size >= LIMITS.reportResults.value) known.leftOut[finding.result]++
    else if (!same || (finding.since ?? 0) < (same.since ?? 0)) known.found.set(key, finding)
  }

  view(): FindingsView {
    const sorted = (found: ReadonlyMap<string, Finding>) =>
      [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, finding]) => finding)
    return Object.fromEntries(
      [...this.#namespaces].map(([name, { found, leftOut }]) => [name, { findings: sorted(found), leftOut }]),
    )
  }
}

/** Addresses of the world are many; who asks about one finds it in the records. */
const peer = ({ kind, key }: RecordedEnd): string => (kind === 'workload' ? key : 'outside of the cluster')

const SAID = { denied: 'is denied', audited: 'would be denied', allowed: 'passes' } as const satisfies Record<
  Outcome,
  string
>

/** A reason stands for what no rule decided. */
function deciderOf({ by, why }: EdgeTotals): Pick<Finding, 'policy' | 'rule'> {
  const rule = by === undefined ? undefined : parseRuleId(by)
  if (!rule) return { policy: why }
  const { policy, direction, index } = rule
  return { policy, rule: index === undefined ? direction : `${direction}[${index}]` }
}

type Kind = Pick<Finding, 'category' | 'result' | 'severity'>
const DENIED: Kind = { category: 'denied-connection', result: 'fail', severity: 'medium' }
const AUDITED: Kind = { category: 'audited-connection', result: 'warn', severity: 'low' }

function connection(edge: EdgeTotals, own: RecordedEnd, other: RecordedEnd): Finding {
  const { outcome, direction = 'ingress', why, protocol, port, application, first } = edge
  const what = `${protocol} ${port}${application === undefined ? '' : ` (${application})`}`
  const kind = outcome === 'denied' ? DENIED : AUDITED
  return {
    ...kind,
    ...(isMismatch(edge) && { category: 'application-mismatch', severity: 'high' }),
    ...deciderOf(edge),
    subject: { kind: own.ownerKind, name: own.name },
    message: `${what} ${direction === 'ingress' ? 'from' : 'to'} ${peer(other)} ${SAID[outcome]}`,
    properties: { direction, why, protocol, port: String(port), ...(application && { application }) },
    since: first,
  }
}

/** What policies denied, or would: told to the namespace of the side whose policy it was. */
function connections({ store }: InsightPorts, window: Window, into: Collection): void {
  for (const value of ['denied', 'audited'] as const) {
    for (const edge of store.records.edges(window, [{ key: 'verdict', value, not: false }])) {
      const { source, destination, direction } = edge
      const [own, other] = direction === 'egress' ? [source, destination] : [destination, source]
      if (own.kind === 'workload') into.add(own.namespace, connection(edge, own, other))
    }
  }
}

function applications(ports: InsightPorts, window: Window, into: Collection): void {
  for (const edge of unexpectedEdges(ports, window)) {
    const { source, destination, protocol, port, application = '', first } = edge
    if (source.kind !== 'workload') continue
    into.add(source.namespace, {
      category: 'unexpected-application',
      policy: 'unexpected-application',
      subject: { kind: source.ownerKind, name: source.name },
      result: 'warn',
      severity: 'medium',
      message: `${application} is spoken on ${protocol} ${port} with ${peer(destination)}`,
      properties: { application, protocol, port: String(port) },
      since: first,
    })
  }
}

/** Events that are findings, as policy, category and sentence. */
const EVENTS: Readonly<
  Record<
    string,
    Pick<Finding, 'category'> & { sentence(details: Details): string; check(details: Details): string }
  >
> = {
  'dns-finding': {
    category: 'dns-security',
    check: ({ profile }) => String(profile),
    sentence: ({ en }) => String(en),
  },
  'port-scan': {
    category: 'attack',
    check: () => 'port-scan',
    sentence: () => 'It tries many ports or addresses that do not answer',
  },
  'metadata-probe': {
    category: 'attack',
    check: () => 'metadata-probe',
    sentence: ({ address }) => `It asks ${String(address)}, where clouds hand out credentials`,
  },
  'mining-pool': {
    category: 'attack',
    check: () => 'mining-pool',
    sentence: () => 'It speaks with a mining pool',
  },
}
type Details = Readonly<Record<string, string | number | boolean>>

function events({ store }: InsightPorts, window: Window, into: Collection): void {
  for (const [code, { category, check, sentence }] of Object.entries(EVENTS)) {
    for (const event of store.records.events({ window, code, limit: LIMITS.pageSize.value }).items) {
      const workload = event.workload && store.records.workload(event.workload)?.workload
      if (!workload) continue
      into.add(workload.namespace, {
        category,
        policy: check(event.details),
        ...(code === 'dns-finding' && { rule: String(event.details.check) }),
        subject: workload.owner,
        result: event.severity === 'critical' ? 'fail' : 'warn',
        severity: event.severity === 'critical' ? 'high' : 'medium',
        message: sentence(event.details),
        properties: {},
        since: event.at,
      })
    }
  }
}

interface Group {
  readonly namespace: string
  readonly subject: Subject
  readonly ingress: Protection
  readonly egress: Protection
  readonly isOff: boolean
}

/** Workloads of one owner, as far as the least protected of them is. */
function groups({ model }: InsightPorts): Iterable<Group> {
  const known = new Map<string, Group>()
  for (const workload of model.workloads.values()) {
    if (!isProtectable(workload) || workload.kind !== 'pod') continue
    const key = groupKey(workload)
    const { ingress, egress } = protectionOf(model, workload)
    const before = known.get(key)
    known.set(key, {
      namespace: workload.namespace,
      subject: workload.owner,
      ingress: before ? weaker(before.ingress, ingress) : ingress,
      egress: before ? weaker(before.egress, egress) : egress,
      isOff: workload.protection === 'off' || before?.isOff === true,
    })
  }
  return known.values()
}

function unprotected(ports: InsightPorts, into: Collection): void {
  for (const { namespace, subject, ingress, egress, isOff } of groups(ports)) {
    const open = [...(ingress === 'none' ? ['ingress'] : []), ...(egress === 'none' ? ['egress'] : [])]
    if (!isOff && open.length === 0) continue
    into.add(namespace, {
      category: 'unprotected-workload',
      policy: 'workload-unprotected',
      subject,
      result: 'warn',
      severity: isOff ? 'high' : open.length === 2 ? 'medium' : 'low',
      message: isOff
        ? `Its protection is switched off (${FIREWALL})`
        : `No policy is about its ${open.join(' and ')}`,
      properties: { ingress, egress },
    })
  }
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** The last day, which begins at a full hour: when something was first seen would else move with each look. */
function lastDay(now: EpochMs): Window {
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS
  return { since: (hour - DAY_MS) as EpochMs, until: now }
}

/** What there is to tell the people of each namespace that the cluster has now. */
export function findingsView(ports: InsightPorts): FindingsView {
  const window = lastDay(ports.clock.now())
  const found = new Collection()
  // What is worst first, where there is no room for all.
  events(ports, window, found)
  unprotected(ports, found)
  applications(ports, window, found)
  connections(ports, window, found)
  const isThere = ([name]: readonly [string, unknown]) => ports.model.namespaces.has(name)
  return Object.fromEntries(Object.entries(found.view()).filter(isThere))
}
