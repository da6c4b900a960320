import { BoundedMap, type EpochMs, LIMITS } from '@sekisho/core'

/*
 * A program that looks for its master asks for one made-up domain after the other, until one of them exists. One such name
 * proves little; a row of them that do not exist does, and even where the names are made of words, the row is there.
 */
const WINDOW_MS = 300_000
const NXDOMAIN = 3
/** As likely generated as not. */
const SUSPECT = 0.5
/** Domains that do not exist, whatever they look like: as many for each that looks generated. */
const MISSING_EACH = 5
const MOST_DOMAINS = 512

interface Client {
  readonly start: EpochMs
  readonly missing: Set<string>
  suspects: number
  example: string
}

export interface Burst {
  /** Domains that look generated. */
  readonly names: number
  readonly missing: number
  readonly example: string
}

export class Bursts {
  readonly #most: number
  readonly #clients = new BoundedMap<string, Client>(LIMITS.dnsClients.value)

  /** @param most so many domains that look generated, in one window. */
  constructor(most: number) {
    this.#most = most
  }

  answered(
    client: string,
    answer: { readonly code: number; readonly domain: string; readonly score: number; readonly at: EpochMs },
  ): Burst | undefined {
    if (answer.code !== NXDOMAIN) return undefined
    const row = this.#row(client, answer.at)
    if (!row.missing.has(answer.domain) && row.missing.size < MOST_DOMAINS) {
      row.missing.add(answer.domain)
      if (answer.score >= SUSPECT) row.suspects++
      if (answer.score >= SUSPECT || row.example === '') row.example = answer.domain
    }
    const isBurst = row.suspects >= this.#most || row.missing.size >= this.#most * MISSING_EACH
    return isBurst ? { names: row.suspects, missing: row.missing.size, example: row.example } : undefined
  }

  #row(client: string, at: EpochMs): Client {
    const known = this.#clients.get(client)
    if (known && at - known.start < WINDOW_MS) return known
    const row = { start: at, missing: new Set<string>(), suspects: 0, example: '' }
    this.#clients.set(client, row)
    return row
  }
}
