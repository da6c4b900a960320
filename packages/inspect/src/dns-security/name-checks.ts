import { type DnsProfile, type EpochMs, NamePatterns } from '@sekisho/core'
import type { Message } from '../protocols/dns/message.ts'
import type { DnsFinding } from './finding.ts'
import { generatedScore } from './generated/model.ts'
import { THRESHOLD } from './generated/weights.gen.ts'
import type { DomainIndex } from './lists/domain-index.ts'
import { LookAlikes } from './look-alikes/look-alikes.ts'
import { isReverse } from './names.ts'
import type { SeenNames } from './seen-names.ts'
import { registeredOf } from './suffixes.ts'

/** Known of names beyond one profile. */
export interface SharedKnowledge {
  readonly lists?: DomainIndex
  readonly seen?: SeenNames
}

/** An alias that leads to an alias and so on; resolvers give up earlier. */
const MOST_ALIASES = 16

/** What a name alone says. */
export class NameChecks {
  readonly #allowed: NamePatterns
  readonly #private: NamePatterns
  readonly #lookAlikes: LookAlikes
  readonly #threshold: number
  readonly #learnSeconds: number
  readonly #judgesNew: boolean
  readonly #wanted: ReadonlySet<string>
  readonly #shared: SharedKnowledge

  constructor(
    { allow, rebinding, lookAlikes, generated, newNames, lists }: DnsProfile,
    shared: SharedKnowledge,
  ) {
    this.#allowed = new NamePatterns(allow)
    this.#private = new NamePatterns(rebinding.names)
    this.#lookAlikes = new LookAlikes(lookAlikes.names)
    this.#threshold = generated.score ?? THRESHOLD
    this.#learnSeconds = newNames.learnSeconds
    this.#judgesNew = newNames.action !== 'allow'
    this.#wanted = new Set(lists.map(({ list }) => list))
    this.#shared = shared
  }

  isAllowed(name: string): boolean {
    return this.#allowed.has(name)
  }

  mayBePrivate(name: string): boolean {
    return this.#private.has(name) || this.#allowed.has(name)
  }

  scoreOf(name: string): { readonly domain: string; readonly score: number } {
    const { domain, label, isAssigned } = registeredOf(name)
    // A name of one label is no domain: browsers try such ones to see whether somebody answers for all.
    return { domain, score: isAssigned || !name.includes('.') ? 0 : generatedScore(label) }
  }

  /** A name that is asked for. */
  judge(name: string, at: EpochMs): readonly DnsFinding[] {
    if (isReverse(name) || this.isAllowed(name)) return []
    const findings = this.#listed(name)
    const { domain, score } = this.scoreOf(name)
    if (score > this.#threshold) findings.push({ check: 'generated', name, domain, score })
    const like = this.#lookAlikes.find(name)
    if (like) findings.push({ check: 'look-alike', name, ...like })
    if (this.#judgesNew && name.includes('.') && this.#shared.seen?.isNew(domain, at, this.#learnSeconds))
      findings.push({ check: 'new-name', name, domain })
    return findings
  }

  /** Names to which an answer leads: a listed one hides behind an alias of another. */
  aliases(asked: string, { records }: Message): readonly DnsFinding[] {
    if (!this.#shared.lists || this.isAllowed(asked)) return []
    const names = new Set(records.flatMap(({ targets }) => targets).filter(target => /[^\d.]/.test(target)))
    return [...names]
      .slice(0, MOST_ALIASES)
      .filter(name => name !== asked && !name.includes(':') && !this.isAllowed(name))
      .flatMap(name => this.#listed(name))
  }

  #listed(name: string): DnsFinding[] {
    const matches = this.#shared.lists?.match(name) ?? []
    return matches
      .filter(({ list }) => this.#wanted.has(list))
      .map(({ list, domain }) => ({ check: 'listed', name, domain, list }))
  }
}
