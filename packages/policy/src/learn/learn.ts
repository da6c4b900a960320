import { type Direction, LIMITS } from '@sekisho/core'
import { type Evident, withDns } from './dns.ts'
import { addSeen, portKey, type Seen, seenOf } from './evidence.ts'
import { sortFlows } from './exclude.ts'
import {
  groupKey,
  groupName,
  type LearnEnd,
  type LearnFlow,
  type LearnGroup,
  type LearnNote,
  type LearnOptions,
  type LearnResult,
  selectableGroup,
} from './flow.ts'
import { add, addOutside, type Evidence, subjectPeer } from './peers.ts'
import { nameSubjects, propose } from './proposal.ts'
import { type DraftRule, draftRules } from './rules.ts'
import { findSubjects, type LearnSubject } from './subjects.ts'

/** Above so many public addresses on one port nobody reads the list. */
const OUTSIDE_ADDRESSES = 16

const ends = ({ source, destination }: LearnFlow): readonly LearnEnd[] => [source, destination]

/** Everything that was seen of one subject. */
interface Traffic {
  readonly ingress: Evident[]
  readonly egress: Evident[]
}

class Learner {
  readonly #options: LearnOptions
  readonly #subjects: ReadonlyMap<string, LearnSubject>

  constructor(subjects: ReadonlyMap<string, LearnSubject>, options: LearnOptions) {
    this.#options = options
    this.#subjects = subjects
  }

  #subject(end: LearnEnd): LearnSubject | undefined {
    const group = selectableGroup(end)
    return group && this.#subjects.get(groupKey(group))
  }

  /** Who speaks with whom, by subject; also subjects of which only excluded flows were seen. */
  traffic(learned: readonly Evident[], all: readonly LearnFlow[]): ReadonlyMap<LearnSubject, Traffic> {
    const traffic = new Map<LearnSubject, Traffic>()
    for (const end of all.flatMap(ends)) {
      const subject = this.#subject(end)
      if (subject && this.#isWanted(subject)) traffic.set(subject, { ingress: [], egress: [] })
    }
    for (const flow of learned) {
      for (const [direction, end] of [
        ['egress', flow.source],
        ['ingress', flow.destination],
      ] as const) {
        const subject = this.#subject(end)
        if (subject) traffic.get(subject)?.[direction].push(flow)
      }
    }
    return traffic
  }

  #isWanted = ({ namespace }: LearnSubject): boolean => this.#options.namespaces?.includes(namespace) ?? true

  #evidence(flows: readonly Evident[], direction: Direction, own: string): Evidence {
    const evidence: Evidence = new Map()
    const outside = new Map<string, Map<string, Seen>>()
    for (const flow of flows) {
      const end = direction === 'ingress' ? flow.source : flow.destination
      const port = portKey(flow)
      const peer = this.#subject(end)
      if (peer) {
        add(evidence, subjectPeer(peer, own), { port, seen: seenOf(flow) })
        continue
      }
      const addresses = outside.get(port) ?? new Map<string, Seen>()
      outside.set(port, addresses.set(end.ip, addSeen(addresses.get(end.ip), outsideSeen(flow, end))))
    }
    const most = this.#options.outsideAddresses ?? OUTSIDE_ADDRESSES
    for (const [port, addresses] of outside) addOutside(evidence, { port, addresses }, most)
    return evidence
  }

  rules(subject: LearnSubject, traffic: Traffic): Readonly<Record<Direction, readonly DraftRule[]>> {
    const ingress = this.#evidence(traffic.ingress, 'ingress', subject.namespace)
    const egress = this.#evidence(traffic.egress, 'egress', subject.namespace)
    return { ingress: draftRules(ingress, 'ingress'), egress: draftRules(egress, 'egress') }
  }
}

/** A workload that no selector can name alone is allowed by its address, and said so. */
function outsideSeen(flow: Evident, end: LearnEnd): Seen {
  const seen = seenOf(flow)
  if (!end.group) return seen
  const note = { code: 'address-for-workload', details: { group: groupName(end.group) } } as const
  return { ...seen, notes: [...seen.notes, note] }
}

const groupsOf = (flow: LearnFlow): readonly LearnGroup[] => ends(flow).flatMap(({ group }) => group ?? [])
const isSelectable = (group: LearnGroup): boolean => selectableGroup({ group, ip: '' }) !== undefined

const sharesNode = (groups: readonly LearnGroup[]): readonly LearnNote[] =>
  [...new Set(groups.filter(group => !isSelectable(group)).map(groupName))]
    .toSorted()
    .map(group => ({ code: 'shares-node-network', details: { group } }))

interface Bounded {
  readonly flows: readonly LearnFlow[]
  readonly notes: readonly LearnNote[]
}

/** Scans are told by looking at all flows of a source at once, so they are in memory, and so they are bounded. */
function bounded(input: Iterable<LearnFlow>, most: number): Bounded {
  const flows: LearnFlow[] = []
  for (const flow of input) {
    if (flows.length === most) return { flows, notes: [{ code: 'flows-limited', details: { flows: most } }] }
    flows.push(flow)
  }
  return { flows, notes: [] }
}

/**
 * Least-privilege policies from what was seen: one for each group of workloads, both directions, each rule with its
 * evidence. Enforced, they allow every learned flow and, but for DNS, nothing that was not seen; what looks like an
 * attack is left out, and said.
 */
export function learn(input: Iterable<LearnFlow>, options: LearnOptions = {}): LearnResult {
  const { flows, notes: limited } = bounded(input, options.most ?? LIMITS.learnedEdges.value)
  // Health probes of the kubelet: always allowed, and a node's address in a rule would open more than they need.
  const judged = flows.filter(({ why }) => why !== 'own-node')
  const { learned, excluded } = sortFlows(judged, options)
  const known = [...flows.flatMap(groupsOf), ...(options.groups ?? [])]
  const evident = withDns(learned, known)
  const groups = [...known, ...evident.flatMap(groupsOf)]
  const { of, notes } = findSubjects(groups.filter(isSelectable))
  const learner = new Learner(of, options)
  const traffic = [...learner.traffic(evident, flows)].toSorted(([a], [b]) =>
    a.namespace + a.names.join() < b.namespace + b.names.join() ? -1 : 1,
  )
  const names = nameSubjects(traffic.map(([subject]) => subject))
  const policies = traffic.map(([subject, its]) =>
    propose({ subject, name: names.get(subject) ?? '', rules: learner.rules(subject, its) }, options),
  )
  return {
    policies,
    yaml: policies.map(policy => policy.yaml).join('---\n'),
    excluded,
    notes: [...limited, ...notes, ...sharesNode(groups)],
  }
}
