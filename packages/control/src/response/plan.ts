import { compileSelector, type EpochMs, EVENT_SEVERITIES, LIMITS, type Workload } from '@sekisho/core'
import type {
  Model,
  PodsPeer,
  ResponseAction,
  ResponseKind,
  ResponseMatch,
  ResponseRuleDocument,
} from '@sekisho/policy'
import { type Finding, type Offender, offenderKey } from './finding.ts'
import { type ActiveResponse, type Containing, targetKey } from './policy.ts'

/** What a rule does about one target. */
export interface Deed extends Omit<Containing, 'action'> {
  readonly action: ResponseAction
  /** `limited`: as many as the rule may have are in force; it is told, and nothing is done. */
  readonly kind: 'act' | 'audit' | 'limited'
  readonly count: number
}

/** What is known when a rule is asked. */
export interface Scene {
  readonly now: EpochMs
  readonly model: Pick<Model, 'workloads' | 'namespaces' | 'workloadAt'>
  /** Of so many seconds until now. */
  readonly findings: (windowSeconds: number) => readonly Finding[]
  readonly active: readonly ActiveResponse[]
  /** Namespaces that no rule touches. */
  readonly exempt: readonly string[]
  /** Whether an address is a node's: what comes through nodes is many, and probes come from them. */
  readonly isNode: (ip: string) => boolean
  /** Until when a deed was dealt with: what was found before counts no more. */
  readonly settled: (key: string) => EpochMs | undefined
}

/** One for one response: whose, what, about whom. */
export const deedKey = (rule: string, action: ResponseKind, target: string, peer = ''): string =>
  JSON.stringify([rule, action, target, peer])

/** The same of what is in force. */
export const keyOf = ({ rule, action, target, peer }: ActiveResponse): string =>
  deedKey(rule, action, target, peer)

type Target = Containing['target']

function targetOf(offender: Offender, { model }: Scene): Target | undefined {
  if (offender.kind === 'address') return offender
  const workload = model.workloads.get(offender.id)
  return workload && workload.state !== 'finished' ? { kind: 'workload', workload } : undefined
}

/** As a policy's subject would select it. */
function selects(peer: PodsPeer, { model }: Scene): (workload: Workload) => boolean {
  const namespaces = compileSelector(peer.namespaceSelector ?? {})
  const labels = compileSelector(peer.podSelector)
  const { serviceAccounts, workloadKinds } = peer
  return workload =>
    namespaces(model.namespaces.get(workload.namespace)?.labels ?? {}) &&
    labels(workload.labels) &&
    (serviceAccounts?.includes(workload.serviceAccount ?? '') ?? true) &&
    (workloadKinds?.some(kind => kind === workload.kind) ?? true)
}

const rank = (severity: Finding['severity']): number => EVENT_SEVERITIES.indexOf(severity)

function holds(match: ResponseMatch, { kind, severity, check }: Finding): boolean {
  return (
    match.findings.includes(kind) &&
    rank(severity) >= rank(match.severity) &&
    (kind !== 'dns-finding' || match.checks === undefined || match.checks.includes(check ?? ''))
  )
}

/** What shares its node's network is its node, no agent acts for a machine that is only known, nor where that is switched off. */
const isActed = ({ kind, hostNetwork, protection }: Workload): boolean =>
  kind !== 'host' && kind !== 'external' && !hostNetwork && protection !== 'off'

/** Whether an action can be done about these ends. */
function isPossible(action: ResponseAction, target: Target, peer: string | undefined, scene: Scene): boolean {
  if (action.kind === 'notify') return true
  if (target.kind === 'address') return action.kind === 'block' && !scene.isNode(target.ip)
  if (!isActed(target.workload)) return false
  if (action.kind === 'quarantine') return true
  return peer !== undefined && !scene.isNode(peer)
}

/** Neither end is of a namespace that is left alone. */
const isLeftAlone = (
  target: Target,
  peer: string | undefined,
  exempt: readonly string[],
  { model }: Scene,
): boolean =>
  (target.kind === 'workload' && exempt.includes(target.workload.namespace)) ||
  (peer !== undefined && exempt.includes(model.workloadAt(peer)?.namespace ?? ''))

interface Group {
  readonly target: Target
  readonly peer: string | undefined
  readonly findings: Finding[]
}

/** Findings by whom they are about, and for a block by the other end too. */
function groups(found: readonly Finding[], action: ResponseKind, scene: Scene): readonly Group[] {
  const made = new Map<string, Group>()
  for (const finding of found) {
    const target = targetOf(finding.offender, scene)
    if (!target) continue
    const peer = action === 'block' && target.kind === 'workload' ? finding.peer : undefined
    const key = `${offenderKey(finding.offender)} ${peer ?? ''}`
    const group = made.get(key) ?? { target, peer, findings: [] }
    made.set(key, group)
    group.findings.push(finding)
  }
  return [...made.values()]
}

function wordsOf(findings: readonly Finding[], { windowSeconds }: ResponseMatch): string {
  const counts = new Map<string, number>()
  for (const { kind, check, count } of findings) {
    const what = check === undefined ? kind : `${kind} ${check}`
    counts.set(what, (counts.get(what) ?? 0) + count)
  }
  const last = Math.max(...findings.map(each => each.last))
  const what = [...counts].map(([kind, count]) => `${count} × ${kind}`).join(', ')
  return `${what} within ${windowSeconds} s, last at ${new Date(last).toISOString()}`
}

/** How many of these a rule has, while its deeds are being chosen. */
class Room {
  readonly #most: number
  readonly #taken = new Map<ResponseKind, Set<string>>()
  readonly #all: Set<string>

  constructor({ name, most }: ResponseRuleDocument, active: readonly ActiveResponse[], all: Set<string>) {
    this.#most = most
    this.#all = all
    for (const each of active) if (each.rule === name) this.#of(each.action).add(keyOf(each))
  }

  #of(action: ResponseKind): Set<string> {
    const taken = this.#taken.get(action) ?? new Set()
    this.#taken.set(action, taken)
    return taken
  }

  take(action: ResponseKind, key: string): boolean {
    const taken = this.#of(action)
    if (taken.size >= this.#most || this.#all.size >= LIMITS.activeResponses.value) return false
    taken.add(key)
    this.#all.add(key)
    return true
  }
}

/** How long it is left at that: the time of a response, or the window in which the same would be found again. */
const lasting = (action: ResponseAction, { windowSeconds }: ResponseMatch): number =>
  (action.kind === 'notify' ? windowSeconds : action.forSeconds) * 1_000

function deedsOf(rule: ResponseRuleDocument, scene: Scene, all: Set<string>): readonly Deed[] {
  const { name, match, mode } = rule
  const exempt = [...new Set([...scene.exempt, ...rule.exempt])]
  const isOurs = match.workloads ? selects(match.workloads, scene) : undefined
  const room = new Room(rule, scene.active, all)
  const inForce = new Map(scene.active.map(each => [keyOf(each), each.until]))
  const found = scene.findings(match.windowSeconds).filter(finding => holds(match, finding))
  return rule.actions.flatMap(action =>
    groups(found, action.kind, scene).flatMap(({ target, peer, findings }): readonly Deed[] => {
      if (isOurs && !(target.kind === 'workload' && isOurs(target.workload))) return []
      if (action.kind !== 'notify' && isLeftAlone(target, peer, exempt, scene)) return []
      if (!isPossible(action, target, peer, scene)) return []
      const key = deedKey(name, action.kind, targetKey(target), peer)
      const after = Math.max(scene.settled(key) ?? 0, inForce.get(key) ?? 0)
      // Still in force, or found before it ended: it prolongs nothing, and what it denied itself is no reason.
      const fresh = after > scene.now ? [] : findings.filter(({ first }) => first > after)
      const count = fresh.reduce((sum, each) => sum + each.count, 0)
      if (count < match.count) return []
      const isNotice = action.kind === 'notify'
      const acts = mode === 'Enforce'
      const hasRoom = !acts || isNotice || room.take(action.kind, key)
      return [
        {
          kind: hasRoom ? (acts ? 'act' : 'audit') : 'limited',
          rule: name,
          action,
          target,
          ...(peer !== undefined && { peer }),
          until: (scene.now + lasting(action, match)) as EpochMs,
          why: wordsOf(fresh, match),
          exempt,
          count,
        },
      ]
    }),
  )
}

/** What rules do about what was found. Pure: whoever asks does it, and remembers. */
export function plan(rules: readonly ResponseRuleDocument[], scene: Scene): readonly Deed[] {
  const all = new Set(scene.active.map(keyOf))
  return rules.filter(({ mode }) => mode !== 'Learn').flatMap(rule => deedsOf(rule, scene, all))
}
