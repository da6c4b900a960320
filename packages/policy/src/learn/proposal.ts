import { type Direction, type PolicyDocumentJson, type PolicyId, ruleId } from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import { KINDS } from '../documents/kinds.ts'
import { validatePolicy } from '../documents/validate.ts'
import { policyToYaml } from '../documents/write.ts'
import { DIRECTIONS } from '../model/entry.ts'
import type { LearnedPolicy, LearnOptions } from './flow.ts'
import type { DraftRule } from './rules.ts'
import type { LearnSubject } from './subjects.ts'

/** A name for the policy of each subject; those that would be equal are numbered in a fixed order. */
export function nameSubjects(subjects: Iterable<LearnSubject>): ReadonlyMap<LearnSubject, string> {
  const names = new Map<LearnSubject, string>()
  const taken = new Set<string>()
  for (const subject of subjects) {
    const base = policyName(subject.owner.name)
    let name = base
    for (let count = 2; taken.has(`${subject.namespace}/${name}`); count++) name = `${base}-${count}`
    taken.add(`${subject.namespace}/${name}`)
    names.set(subject, name)
  }
  return names
}

const policyName = (owner: string): string =>
  `learned-${owner
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 200)}`.replaceAll(/-+$/g, '')

interface Proposal {
  readonly subject: LearnSubject
  readonly name: string
  readonly rules: Readonly<Record<Direction, readonly DraftRule[]>>
}

function write({ subject, name, rules }: Proposal, options: LearnOptions): PolicyDocument {
  const kind = options.kind ?? 'SecurityPolicy'
  const sections = {
    policyTypes: ['Ingress', 'Egress'],
    ingress: rules.ingress.map(rule => rule.json),
    egress: rules.egress.map(rule => rule.json),
  }
  const podSelector = subject.selector
  const source: PolicyDocumentJson = KINDS[kind].writeMode(
    {
      apiVersion: KINDS[kind].apiVersion,
      kind,
      metadata: { name, namespace: subject.namespace },
      spec:
        kind === 'NetworkPolicy'
          ? { podSelector, ...sections }
          : { mode: '', subject: { podSelector }, ...sections },
    },
    options.mode ?? 'Audit',
  )
  const read = validatePolicy(source, { applications: 'any' })
  if (!read.ok) throw new TypeError(`a learned policy is not valid: ${JSON.stringify(read.error)}`)
  return read.value
}

const named = (policy: PolicyId, direction: Direction, rules: readonly DraftRule[]) =>
  rules.map(({ evidence }, index) => ({ rule: ruleId(policy, direction, index), ...evidence }))

export function propose(proposal: Proposal, options: LearnOptions): LearnedPolicy {
  const document = write(proposal, options)
  const rules = DIRECTIONS.flatMap(direction => named(document.id, direction, proposal.rules[direction]))
  return { document, yaml: policyToYaml(document), rules }
}
