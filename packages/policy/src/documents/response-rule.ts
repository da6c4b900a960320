import { EVENT_SEVERITIES, policyId } from '@sekisho/core'
import {
  FINDING_KINDS,
  type Peer,
  RESPONSES,
  type ResponseAction,
  type ResponseKind,
  type ResponseMatch,
  type ResponseRuleDocument,
} from './document.ts'
import type { DocumentKind } from './kind.ts'
import { JUDGES_NOTHING, readLabelName, readMode } from './metadata.ts'
import { dnsLabel } from './names.ts'
import { readList, readOwnPeer, readSubject } from './own-peer.ts'
import type { Spot } from './spot.ts'

/** What a rule may ask for at most. A response that nobody looks at must end: an hour is long enough to look. */
export const MOST = {
  forSeconds: 3_600,
  windowSeconds: 3_600,
  count: 100_000,
  workloads: 50,
  peers: 16,
  checks: 16,
  exempt: 100,
} as const
/** Shorter would be over before it is in every kernel. */
export const LEAST_SECONDS = 60
/** What is not written. A few: whoever makes findings about others at will shall not cut off a whole cluster. */
export const USUAL = {
  forSeconds: 900,
  windowSeconds: 600,
  count: 1,
  workloads: 3,
  severity: 'warning',
  dns: false,
} as const

const or = <T>(spot: Spot, usual: T, read: (spot: Spot) => T | undefined): T =>
  spot.absent ? usual : (read(spot) ?? usual)

function readWord(spot: Spot): string | undefined {
  const word = spot.text()
  const wrong = word === undefined ? undefined : dnsLabel(word)
  if (wrong !== undefined) spot.refuse(wrong)
  return word
}

function readFlag(spot: Spot): boolean | undefined {
  if (typeof spot.value === 'boolean') return spot.value
  spot.refuse('must be true or false')
  return undefined
}

/** Addresses of others, hosts and machines can neither be selected here nor cut off. */
function readWorkloads(spot: Spot): ResponseMatch['workloads'] {
  for (const field of ['hostSelector', 'externalSelector', 'workloadNames'])
    if (!spot.at(field).absent)
      spot.at(field).refuse('responses are about workloads by label, account and kind')
  const subject = readSubject(spot, 'cluster')
  return subject.kind === 'pods' ? subject : undefined
}

function readMatch(spot: Spot): ResponseMatch {
  spot.fields(['findings', 'checks', 'severity', 'workloads', 'count', 'windowSeconds'])
  const findings = spot.at('findings')
  if (findings.absent) findings.refuse('is required')
  const kinds = readList(findings, FINDING_KINDS.length, item => item.oneOf(FINDING_KINDS)) ?? []
  const checks = readList(spot.at('checks'), MOST.checks, readWord)
  if (checks && !kinds.includes('dns-finding'))
    spot.at('checks').refuse('are of dns-finding, which is not matched')
  const workloads = spot.at('workloads').absent ? undefined : readWorkloads(spot.at('workloads'))
  return {
    findings: [...new Set(kinds)],
    ...(checks && { checks }),
    severity: or(spot.at('severity'), USUAL.severity, at => at.oneOf(EVENT_SEVERITIES)),
    ...(workloads && { workloads }),
    count: or(spot.at('count'), USUAL.count, at => at.integer(1, MOST.count)),
    windowSeconds: or(spot.at('windowSeconds'), USUAL.windowSeconds, at =>
      at.integer(LEAST_SECONDS, MOST.windowSeconds),
    ),
  }
}

const readDuration = (spot: Spot): number =>
  or(spot.at('forSeconds'), USUAL.forSeconds, at => at.integer(LEAST_SECONDS, MOST.forSeconds))

/** Checked as peers of a rule in both directions, and kept as they are written: the policy that is made repeats them. */
function readPeers(spot: Spot): readonly unknown[] {
  const read = (item: Spot): Peer | undefined => readOwnPeer(item, 'ingress')
  readList(spot, MOST.peers, read)
  return Array.isArray(spot.value) ? spot.value : []
}

const READ = {
  quarantine(spot) {
    spot.fields(['forSeconds', 'dns', 'peers'])
    return {
      kind: 'quarantine',
      forSeconds: readDuration(spot),
      dns: or(spot.at('dns'), USUAL.dns, readFlag),
      peers: readPeers(spot.at('peers')),
    }
  },
  block(spot) {
    spot.fields(['forSeconds'])
    return { kind: 'block', forSeconds: readDuration(spot) }
  },
  notify(spot) {
    spot.fields([])
    return { kind: 'notify' }
  },
} as const satisfies Record<ResponseKind, (spot: Spot) => ResponseAction>

/** One field that says which; an empty one is all that is usual. */
function readAction(spot: Spot): ResponseAction | undefined {
  if (!spot.fields(RESPONSES)) return undefined
  const [kind, ...others] = RESPONSES.filter(each => !spot.at(each).absent)
  if (kind !== undefined && others.length === 0) return READ[kind](spot.at(kind))
  spot.refuse(`write one of ${RESPONSES.join(', ')}`)
  return undefined
}

function readActions(spot: Spot): readonly ResponseAction[] {
  if (spot.absent) spot.refuse('is required')
  const actions = readList(spot, RESPONSES.length, readAction) ?? []
  if (new Set(actions.map(({ kind }) => kind)).size < actions.length) spot.refuse('says one of them twice')
  return actions
}

/**
 * What is done about findings, by itself: of the whole cluster, since a finding may be about any namespace, and whoever may
 * write in one namespace must not cut off another's workloads. It selects nobody and has no rules: what it does is policies
 * that the server makes, so that they are explained, recorded and lifted as all others are.
 */
export const responseRule: DocumentKind<ResponseRuleDocument> = {
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'ResponseRule',
  read(root) {
    root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
    const name = readLabelName(root.at('metadata'))
    const spec = root.at('spec')
    spec.fields(['mode', 'match', 'actions', 'mostWorkloads', 'exemptNamespaces'])
    return {
      ...JUDGES_NOTHING,
      kind: 'ResponseRule',
      id: policyId('ResponseRule', '', name),
      name,
      mode: readMode(spec.at('mode'), 'Audit'),
      match: readMatch(spec.at('match')),
      actions: readActions(spec.at('actions')),
      most: or(spec.at('mostWorkloads'), USUAL.workloads, at => at.integer(1, MOST.workloads)),
      exempt: readList(spec.at('exemptNamespaces'), MOST.exempt, readWord) ?? [],
    }
  },
  writeMode: (source, mode) => ({
    ...source,
    spec: { ...(source.spec as Readonly<Record<string, unknown>>), mode },
  }),
}
