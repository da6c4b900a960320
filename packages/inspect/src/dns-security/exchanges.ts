import { BoundedMap, type EpochMs, LIMITS } from '@sekisho/core'
import type { Message, Question } from '../protocols/dns/message.ts'
import type { DnsMessage } from './exchange.ts'
import type { DnsFinding } from './finding.ts'

/** Clients give up earlier. */
const WAIT_MS = 30_000

interface Exchange {
  /** A question that is repeated under its number may be answered as often. */
  asked: number
  answered: number
  at: EpochMs
  /** What the last answer said. */
  said: string | undefined
}

/**
 * Questions and the answers that fit them by address, port, number, name and type. Whoever guesses a number answers
 * faster than the resolver: the resolver's own answer comes second then, and says something else.
 */
export class Exchanges {
  readonly #open = new BoundedMap<string, Exchange>(LIMITS.dnsExchanges.value)

  asked(query: DnsMessage): void {
    const [question] = query.message.asked
    if (!question) return
    const key = keyOf(query, question)
    const before = this.#open.get(key)
    const isFresh = !before || query.at - before.at > WAIT_MS || before.answered > 0
    const asked = isFresh ? { asked: 0, answered: 0, said: undefined } : before
    this.#open.set(key, { ...asked, asked: asked.asked + 1, at: query.at })
  }

  answered(answer: DnsMessage): DnsFinding | undefined {
    const [question] = answer.message.asked
    // Errors need not repeat the question; they name nothing.
    if (!question) return undefined
    const open = this.#open.get(keyOf(answer, question))
    if (!open || answer.at - open.at > WAIT_MS) return { check: 'unasked-answer', name: question.name }
    const [before, now] = [open.said, saidBy(answer.message)]
    open.answered++
    open.said = now
    const isTooMany = open.answered > open.asked
    return isTooMany && before !== undefined && before !== now
      ? { check: 'changed-answer', name: question.name, before, now }
      : undefined
  }
}

const keyOf = (ends: DnsMessage, { name, type }: Question): string =>
  `${ends.client} ${ends.clientPort} ${ends.resolver} ${ends.message.id} ${type} ${name}`

const SHOWN = 200

/** Resolvers shuffle records; times to live run down. */
function saidBy({ code, records }: Message): string {
  const targets = records.flatMap(each => each.targets).toSorted()
  return targets.length > 0 ? targets.join(' ').slice(0, SHOWN) : `no records (code ${code})`
}
