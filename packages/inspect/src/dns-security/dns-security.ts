import {
  addressBytes,
  DNS_ACTIONS,
  type DnsAction,
  type DnsProfile,
  type IpRange,
  inRanges,
  parseIp,
} from '@sekisho/core'
import type { Message, Question } from '../protocols/dns/message.ts'
import type { DnsMessage } from './exchange.ts'
import { Exchanges } from './exchanges.ts'
import type { DnsCheck, DnsFinding } from './finding.ts'
import { foreignOwner } from './foreign.ts'
import { Bursts } from './generated/bursts.ts'
import { NameChecks, type SharedKnowledge } from './name-checks.ts'
import { isReverse, isWithin } from './names.ts'
import { privateAddress, rangesOf } from './rebinding.ts'
import { type Sinkhole, sinkholeAnswer } from './sinkhole.ts'
import { Tunnels } from './tunnels.ts'

/** What follows from a message, and why: the strictest action of all findings. */
export interface DnsJudgement {
  readonly action: DnsAction
  readonly findings: readonly DnsFinding[]
}

const NOTHING: DnsJudgement = Object.freeze({ action: 'allow', findings: Object.freeze([]) })

/** None where the text is no address. */
function bytesOf(address: string): readonly Uint8Array[] {
  const ip = parseIp(address)
  return ip ? [addressBytes(ip)] : []
}

/**
 * Every check of DNS for the workloads of one profile: whole messages in, in the order in which they pass. State is
 * bounded, and forgets what is oldest; it never judges a message by what another profile's workloads did.
 */
export class DnsSecurity {
  readonly #profile: DnsProfile
  readonly #resolvers: readonly IpRange[]
  readonly #known: readonly IpRange[]
  readonly #exchanges = new Exchanges()
  readonly #tunnels: Tunnels
  readonly #bursts: Bursts
  readonly #names: NameChecks
  readonly #sinkhole: Sinkhole

  /** @param shared what is known of names beyond this profile: lists, and which names the cluster has seen. */
  constructor(profile: DnsProfile, shared: SharedKnowledge = {}) {
    this.#profile = profile
    this.#resolvers = rangesOf(profile.resolvers.blocks)
    this.#known = rangesOf(profile.rebinding.blocks)
    this.#tunnels = new Tunnels(profile.tunnels)
    this.#bursts = new Bursts(profile.generated.burst.names)
    this.#names = new NameChecks(profile, shared)
    const { kind, addresses, ttlSeconds } = profile.sinkhole
    this.#sinkhole = { kind, addresses: addresses.flatMap(bytesOf), ttl: ttlSeconds }
  }

  /** A question of a client, before it passes. */
  query(query: DnsMessage): DnsJudgement {
    this.#exchanges.asked(query)
    const [question] = query.message.asked
    if (!question) return NOTHING
    const findings: (DnsFinding | undefined)[] = [this.#resolver(query, question)]
    if (!this.#isOwn(question.name)) {
      findings.push(this.#tunnel(query, question), ...this.#names.judge(question.name, query.at))
    }
    return this.#judge(findings)
  }

  /** An answer of a resolver, before it passes. */
  answer(answer: DnsMessage): DnsJudgement {
    const [question] = answer.message.asked
    const unasked = this.#exchanges.answered(answer)
    if (!question || this.#isOwn(question.name)) return this.#judge([unasked])
    this.#tunnels.answered(answer.client, question.name, answer)
    const owner = foreignOwner(answer.message)
    return this.#judge([
      unasked,
      owner === undefined ? undefined : { check: 'foreign-record', name: question.name, owner },
      this.#rebinding(question, answer.message),
      ...this.#names.aliases(question.name, answer.message),
      this.#burst(answer, question),
    ])
  }

  /** The answer in the resolver's place, where a judgement says so; undefined where the bytes are no such question. */
  sinkhole(query: Uint8Array): Uint8Array | undefined {
    return sinkholeAnswer(query, this.#sinkhole)
  }

  #isOwn(name: string): boolean {
    return this.#profile.zones.some(zone => isWithin(name, zone))
  }

  #resolver({ resolver }: DnsMessage, { name }: Question): DnsFinding | undefined {
    if (this.#resolvers.length === 0) return undefined
    const ip = parseIp(resolver)
    return ip && inRanges(this.#resolvers, ip) ? undefined : { check: 'resolver', resolver, name }
  }

  #tunnel({ client, at }: DnsMessage, question: Question): DnsFinding | undefined {
    if (isReverse(question.name) || this.#names.isAllowed(question.name)) return undefined
    return this.#tunnels.asked(client, question, at)
  }

  #rebinding({ name }: Question, { records }: Message): DnsFinding | undefined {
    // A name of one label is of the network that one is in.
    if (!name.includes('.') || isReverse(name) || this.#names.mayBePrivate(name)) return undefined
    const address = privateAddress(
      records.flatMap(({ targets }) => targets),
      this.#known,
    )
    return address === undefined ? undefined : { check: 'rebinding', name, address }
  }

  #burst({ client, at, message: { code } }: DnsMessage, { name }: Question): DnsFinding | undefined {
    if (isReverse(name) || this.#names.isAllowed(name) || !name.includes('.')) return undefined
    const burst = this.#bursts.answered(client, { code, at, ...this.#names.scoreOf(name) })
    return burst && { check: 'generated-burst', ...burst }
  }

  #judge(candidates: readonly (DnsFinding | undefined)[]): DnsJudgement {
    const findings: DnsFinding[] = []
    let strictest = 0
    for (const finding of candidates) {
      const rank = finding ? DNS_ACTIONS.indexOf(this.#actionOf(finding)) : 0
      if (!finding || rank === 0) continue
      findings.push(finding)
      strictest = Math.max(strictest, rank)
    }
    return findings.length === 0 ? NOTHING : { action: DNS_ACTIONS[strictest] ?? 'deny', findings }
  }

  #actionOf(finding: DnsFinding): DnsAction {
    const { resolvers, answers, rebinding, tunnels, generated, lookAlikes, newNames, lists } = this.#profile
    if (finding.check === 'listed') return lists.find(({ list }) => list === finding.list)?.action ?? 'allow'
    const actions = {
      resolver: resolvers.action,
      'unasked-answer': answers.unasked,
      'changed-answer': answers.changed,
      'foreign-record': answers.foreign,
      rebinding: rebinding.action,
      tunnel: tunnels.action,
      generated: generated.action,
      'generated-burst': generated.burst.action,
      'look-alike': lookAlikes.action,
      'new-name': newNames.action,
    } as const satisfies Readonly<Record<Exclude<DnsCheck, 'listed'>, DnsAction>>
    return actions[finding.check]
  }
}
