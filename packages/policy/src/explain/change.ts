import {
  type Direction,
  type Family,
  hasPorts,
  type Mode,
  NAME_LABEL,
  type PolicyId,
  parseRuleId,
  type RuleId,
} from '@sekisho/core'
import type { FlowQuery } from '../decision.ts'
import type { PolicyDocument } from '../documents/document.ts'
import { rulesOf, SECTION_TYPE, withRules, written } from '../documents/edit.ts'
import { KINDS } from '../documents/kinds.ts'
import { policyToYaml } from '../documents/write.ts'
import { stableLabels } from '../learn/subjects.ts'
import type { NodeChange } from '../model/change.ts'
import { decideEnds } from '../model/decide.ts'
import { type FlowEnds, findEnds } from '../model/ends.ts'
import type { End, PolicySet } from '../model/entry.ts'
import { createModel, type Model } from '../model/model.ts'
import type { Edit, ExplainedChange } from './explanation.ts'

type Json = Readonly<Record<string, unknown>>

/** A question whose answer is to be changed. */
export interface Asked {
  readonly query: FlowQuery
  readonly ends: FlowEnds
  readonly policies: PolicySet
}

/** Each policy can deny once per direction; more rounds than this mean that an edit did not work. */
const ROUNDS = 64

/** Nodes of the ends, with every address they are known by. */
function nodesOf({ index }: Model, { source, destination }: FlowEnds): readonly NodeChange[] {
  const names = [source, destination].flatMap(({ entry, text }) => [
    ...(entry ? [entry.workload.node] : []),
    ...(text === undefined ? [] : index.nodeAddresses.nodesAt(text)),
  ])
  return [...new Set(names)].map(name => ({
    name,
    addresses: [...(index.nodeAddresses.of(name)?.keys() ?? [])],
  }))
}

/** The two ends, their nodes, and the policies that select them: all that the answer depends on. */
function smallModel(model: Model, ends: FlowEnds): Model {
  const { source, destination } = ends
  const found = [source.entry, destination.entry, source.host, destination.host]
  const entries = [...new Set(found)].filter(entry => entry !== undefined)
  const { now } = model.index
  const small = createModel()
  small.update({
    ...(now !== undefined && { now }),
    nodes: { set: nodesOf(model, ends) },
    namespaces: { set: entries.map(entry => entry.namespace.namespace) },
    workloads: { set: entries.map(entry => entry.workload) },
    policies: {
      set: entries.flatMap(entry => model.index.policiesOf(entry).map(({ document }) => document)),
    },
  })
  return small
}

const BITS: Readonly<Record<Family, number>> = { 4: 32, 6: 128 }

/** The peer as narrowly as a rule can name it; undefined where nothing names it. */
function peerJson(peer: End, namespace: string): Json | undefined {
  const labels = peer.entry && stableLabels(peer.entry.workload.labels)
  if (peer.entry && labels && Object.keys(labels).length > 0) {
    const other = peer.entry.workload.namespace
    const matchLabels = { [NAME_LABEL]: other }
    return {
      ...(other !== namespace && { namespaceSelector: { matchLabels } }),
      podSelector: { matchLabels: labels },
    }
  }
  return peer.ip && { ipBlock: { cidr: `${peer.text}/${BITS[peer.ip.family]}` } }
}

/** A protocol that rules cannot name is allowed with all others of this peer. */
function portsJson({ protocol, port }: FlowQuery): readonly Json[] | undefined {
  if (hasPorts(protocol)) return [port > 0 ? { protocol, port } : { protocol }]
  return protocol === 'ICMP' || protocol === 'ICMPv6' ? [{ protocol, port }] : undefined
}

interface Side {
  readonly direction: Direction
  readonly subject: End
  readonly peer: End
}

function ruleJson({ direction, peer }: Side, query: FlowQuery, namespace: string): Json | undefined {
  const json = peerJson(peer, namespace)
  const ports = portsJson(query)
  return json && { [direction === 'ingress' ? 'from' : 'to']: [json], ...(ports && { ports }) }
}

/** Says what is allowed, so that two changes never replace each other. */
function policyName({ direction, subject, peer }: Side, { protocol, port }: FlowQuery): string {
  const other = peer.entry
    ? `${peer.entry.workload.namespace}-${peer.entry.workload.owner.name}`
    : (peer.text ?? '')
  const side = direction === 'egress' ? 'to' : 'from'
  const words = ['allow', subject.entry?.workload.owner.name ?? '', side, other, protocol, port].join('-')
  return words
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(-250)
    .replace(/^-/, '')
}

/** A policy of its own that allows exactly this; what isolates the workload stays as it is. */
function newPolicy(side: Side, query: FlowQuery, mode: Mode): PolicyDocument | undefined {
  const { entry } = side.subject
  if (!entry) return undefined
  const { namespace, labels } = entry.workload
  const rule = ruleJson(side, query, namespace)
  const matchLabels = stableLabels(labels)
  if (!rule || Object.keys(matchLabels).length === 0) return undefined
  return written({
    apiVersion: KINDS.SecurityPolicy.apiVersion,
    kind: 'SecurityPolicy',
    metadata: { name: policyName(side, query), namespace },
    spec: {
      mode,
      subject: { podSelector: { matchLabels } },
      policyTypes: [SECTION_TYPE[side.direction]],
      [side.direction]: [rule],
    },
  })
}

/** What one edit does: a document to set, or its policy to remove. */
interface Step {
  readonly policy: PolicyId
  readonly edit: Edit
  readonly document?: PolicyDocument
}

/**
 * A Deny rule wins over every Allow of another policy, so its own policy must make the exception. In a section that
 * only denies, an Allow rule would begin to isolate: there the Deny rule has to go.
 */
function aroundDeny(
  policy: PolicyDocument,
  index: number,
  { side, query }: { side: Side; query: FlowQuery },
): Step | undefined {
  const { direction } = side
  const rules = rulesOf(policy, direction)
  if (policy.sections[direction]?.isolates) {
    const allow = ruleJson(side, query, policy.namespace)
    if (!allow) return undefined
    const document = withRules(policy, direction, rules.toSpliced(index, 0, { action: 'Allow', ...allow }))
    return document && { policy: policy.id, edit: 'allow-before-deny', document }
  }
  const left = rules.toSpliced(index, 1)
  const document = withRules(policy, direction, left.length > 0 ? left : undefined)
  return document
    ? { policy: policy.id, edit: 'deny-removed', document }
    : { policy: policy.id, edit: 'policy-removed' }
}

const MODE: Readonly<Record<PolicySet, Mode>> = { enforce: 'Enforce', audit: 'Audit' }

function nextStep(small: Model, by: RuleId, asked: Asked): Step | undefined {
  const rule = parseRuleId(by)
  const policy = rule && small.policies.get(rule.policy)
  if (!rule || !policy) return undefined
  const { source, destination } = asked.ends
  const [subject, peer] = rule.direction === 'egress' ? [source, destination] : [destination, source]
  const side: Side = { direction: rule.direction, subject, peer }
  if (rule.index !== undefined) return aroundDeny(policy, rule.index, { side, query: asked.query })
  const document = newPolicy(side, asked.query, MODE[asked.policies])
  return document && { policy: document.id, edit: 'new-policy', document }
}

function result(steps: readonly Step[]): ExplainedChange {
  const last = new Map(steps.map(step => [step.policy, step]))
  const documents = [...last.values()].flatMap(step => step.document ?? [])
  return {
    documents,
    removed: [...last.values()].flatMap(step => (step.document ? [] : [step.policy])),
    edits: [...last.values()].map(({ policy, edit }) => ({ policy, edit })),
    yaml: documents.map(policyToYaml).join('---\n'),
  }
}

/** Edits one policy after the other on a small model until the question is answered with allow. */
export function findChange(model: Model, asked: Asked): ExplainedChange | undefined {
  const small = smallModel(model, asked.ends)
  const steps: Step[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { query, policies } = asked
    const decision = decideEnds(small.index, {
      query,
      ends: findEnds(small.index, query),
      policies,
      acting: true,
    })
    if (decision.verdict === 'allow') return steps.length > 0 ? result(steps) : undefined
    const step = decision.by && nextStep(small, decision.by, asked)
    if (!step) return undefined
    steps.push(step)
    small.update({ policies: step.document ? { set: [step.document] } : { removed: [step.policy] } })
  }
  return undefined
}
