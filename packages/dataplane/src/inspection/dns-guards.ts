import { BoundedMap, type DnsAction, type EpochMs, LIMITS, Malformed } from '@sekisho/core'
import { Inbox, type Side } from '@sekisho/inspect'
import {
  type DnsFinding,
  type DnsJudgement,
  type DnsMessage,
  DnsSecurity,
  readDnsMessage,
  type SharedKnowledge,
} from '@sekisho/inspect/dns-security'
import type { AppliedDnsProfile } from '@sekisho/policy'
import type { ConversationEnds } from './inspector.ts'

/** What a check of DNS found, and what was done. */
export interface DnsNotice {
  readonly kind: 'dns'
  readonly profile: string
  readonly finding: DnsFinding
  /** Of a profile that does not act: `audit`. */
  readonly action: DnsAction
}

/** What becomes of a message: with bytes it is dropped, and they are sent to the client in the resolver's name. */
export type DnsVerdict = 'pass' | 'drop' | { readonly answer: Uint8Array }

/** One whole message, as its sender sent it. */
export interface OfferedMessage {
  readonly ends: ConversationEnds
  readonly side: Side
  readonly bytes: Uint8Array
}

interface Guard {
  /** To see whether the profile is the same that was said before. */
  readonly text: string
  readonly security: DnsSecurity
}

const LENGTH_BYTES = 2
/** The same of the same client is told once in so long. */
const QUIET_MS = 60_000

/**
 * The checks of all profiles, each with the state of its own. A profile that changes begins anew; what cannot be read as
 * a message is no matter of DNS, and its reader says so.
 */
export class DnsGuards {
  readonly #guards = new Map<string, Guard>()
  /** Terms of many conversations are one object. */
  readonly #met = new WeakMap<AppliedDnsProfile, Guard>()
  readonly #told = new BoundedMap<string, EpochMs>(LIMITS.dnsClients.value)
  readonly #shared: SharedKnowledge
  readonly #now: () => EpochMs

  constructor(shared: SharedKnowledge, now: () => EpochMs) {
    this.#shared = shared
    this.#now = now
  }

  judge(
    offered: OfferedMessage,
    profiles: readonly AppliedDnsProfile[],
    tell: (notice: DnsNotice) => void,
  ): DnsVerdict {
    const message = this.#read(offered)
    if (!message) return 'pass'
    let verdict: DnsVerdict = 'pass'
    for (const profile of profiles) {
      const { security } = this.#guard(profile)
      const judgement = message.message.isAnswer ? security.answer(message) : security.query(message)
      for (const finding of judgement.findings)
        if (this.#isNews(message.client, profile.name, finding))
          tell({
            kind: 'dns',
            profile: profile.name,
            finding,
            action: profile.acts ? judgement.action : 'audit',
          })
      if (!profile.acts || verdict === 'drop') continue
      verdict = follow(judgement, { security, offered }) ?? verdict
    }
    return verdict
  }

  #guard(profile: AppliedDnsProfile): Guard {
    const met = this.#met.get(profile)
    if (met) return met
    const text = JSON.stringify(profile.dns)
    const known = this.#guards.get(profile.name)
    const guard =
      known?.text === text ? known : { text, security: new DnsSecurity(profile.dns, this.#shared) }
    this.#guards.set(profile.name, guard)
    this.#met.set(profile, guard)
    return guard
  }

  #isNews(client: string, profile: string, finding: DnsFinding): boolean {
    const about = 'domain' in finding ? finding.domain : 'name' in finding ? finding.name : ''
    const key = `${client} ${profile} ${finding.check} ${about}`
    const [before, now] = [this.#told.get(key), this.#now()]
    if (before !== undefined && now - before < QUIET_MS) return false
    this.#told.set(key, now)
    return true
  }

  #read({ ends, side, bytes }: OfferedMessage): DnsMessage | undefined {
    try {
      const message = readDnsMessage(bytes)
      // What comes from the wrong side is refused by the reader.
      if (message.isAnswer !== (side === 'server')) return undefined
      const { client, clientPort, server } = ends
      return { client, clientPort, resolver: server, message, bytes: bytes.length, at: this.#now() }
    } catch (error) {
      if (error instanceof Malformed) return undefined
      throw error
    }
  }
}

function follow(
  { action }: DnsJudgement,
  { security, offered }: { readonly security: DnsSecurity; readonly offered: OfferedMessage },
): DnsVerdict | undefined {
  if (action === 'allow' || action === 'audit') return undefined
  const answer = action === 'sinkhole' ? security.sinkhole(offered.bytes) : undefined
  return answer ? { answer } : 'drop'
}

/** Messages of one side of a stream, each behind its length (RFC 1035 section 4.2.2). */
class Frames {
  readonly #inbox = new Inbox(LIMITS.inspectBytes.value + LENGTH_BYTES)

  /** @returns the messages that are whole now. What is left is part of one, which its length bounds. */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    const inbox = this.#inbox
    const whole: Uint8Array[] = []
    inbox.push(bytes)
    for (let message = next(inbox); message; message = next(inbox)) whole.push(message)
    inbox.keep()
    return whole
  }
}

function next(inbox: Inbox): Uint8Array | undefined {
  const head = inbox.peek(LENGTH_BYTES)
  if (!head) return undefined
  return inbox.take(LENGTH_BYTES + (((head[0] ?? 0) << 8) | (head[1] ?? 0)))?.subarray(LENGTH_BYTES)
}

/** One conversation that may be DNS, under the eyes of profiles. */
export class GuardedDns {
  /** As of the newest terms. */
  profiles: readonly AppliedDnsProfile[]
  readonly #judge: (side: Side, bytes: Uint8Array) => DnsVerdict
  readonly #frames: Readonly<Record<Side, Frames>> | undefined

  constructor(of: {
    readonly guards: Pick<DnsGuards, 'judge'>
    readonly ends: ConversationEnds
    readonly profiles: readonly AppliedDnsProfile[]
    readonly tell: (notice: DnsNotice) => void
  }) {
    this.profiles = of.profiles
    this.#judge = (side, bytes) => of.guards.judge({ ends: of.ends, side, bytes }, this.profiles, of.tell)
    if (of.ends.protocol === 'TCP') this.#frames = { client: new Frames(), server: new Frames() }
  }

  /** The next bytes of one side: of TCP in order and each once, of UDP one whole datagram. */
  read(side: Side, bytes: Uint8Array): DnsVerdict {
    if (!this.#frames) return this.#judge(side, bytes)
    const verdicts = this.#frames[side].push(bytes).map(message => this.#judge(side, message))
    // A stream has a place for an answer only where the resolver would have written it.
    return verdicts.every(verdict => verdict === 'pass') ? 'pass' : 'drop'
  }
}
