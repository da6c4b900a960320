import { BoundedMap, type EpochMs, LIMITS } from '@sekisho/core'
import { TYPE } from '../protocols/dns/message.ts'
import type { TunnelEvidence } from './finding.ts'
import { FNV_BASIS, fnv1a } from './fnv.ts'
import { registeredOf } from './suffixes.ts'

/*
 * A tunnel puts what it sends into names below a domain of its own, each different, and gets its answers in records that
 * hold much. So what counts is how many bytes of different names a client sends to one domain in a window, and how much
 * they vary; or how much comes back in types that carry data.
 */
export interface TunnelLimits {
  readonly windowSeconds: number
  /** Of different names below one domain, in one window. */
  readonly bytes: number
}

/** Types whose answers hold whatever their owner likes; PRIVATE and NULL have no other use. */
const CARRYING: ReadonlySet<number> = new Set([
  TYPE.null,
  TYPE.cname,
  TYPE.mx,
  TYPE.txt,
  TYPE.srv,
  25,
  65_399,
])

/**
 * Look-ups that carry hashes and addresses in their names because they are made so: reputation of files and senders. No
 * one else answers for these zones, so nobody tunnels through them.
 */
const LOOKUP_SERVICES = new Set(
  `barracudacentral.org cymru.com dnswl.org e5.sk mailspike.net mcafee.com senderbase.org sophosxl.com sophosxl.net
sorbs.net spamcop.net spamhaus.net spamhaus.org surbl.org trendmicro.com uribl.com avast.com bitdefender.net
kaspersky-labs.com webrootcloudav.com`.split(/\s+/),
)

/** Names of machines vary less: words, numbers, hyphens. Base32 and hexadecimal have 5 and 4 bits, encrypted or packed. */
const BITS = 3.4
/** Fewer different names are what any page has. */
const NAMES = 8
/** New ones on average; ordinary names below a domain have a dozen. */
const BYTES_EACH = 20
/** Answers that carry data: so many times what is allowed upwards. */
const DOWN = 4
const SEEN_BITS = 4_096

/**
 * Labels are counted once, by a bit each: `eu-west-1.compute` says nothing new with the second machine. When all bits are
 * set nothing is counted any more, and by then everything was.
 */
class Window {
  readonly start: EpochMs
  readonly #seen = new Uint8Array(SEEN_BITS / 8)
  readonly #letters = new Uint16Array(128)
  queries = 0
  /** With a label that was not there before. */
  names = 0
  bytes = 0
  carrying = 0
  answerBytes = 0

  constructor(start: EpochMs) {
    this.start = start
  }

  ask(below: string, type: number): void {
    this.queries++
    if (CARRYING.has(type)) this.carrying++
    const fresh = below.split('.').filter(label => label !== '' && this.#isNew(label))
    if (fresh.length > 0) this.names++
    for (const label of fresh) this.#count(label)
  }

  #isNew(label: string): boolean {
    let hash = FNV_BASIS
    for (let at = 0; at < label.length; at++) hash = fnv1a(hash, label.charCodeAt(at))
    const bit = ((hash ^ (hash >>> 15)) >>> 0) % SEEN_BITS
    const [byte, mask] = [this.#seen[bit >> 3] ?? 0, 1 << (bit & 7)]
    this.#seen[bit >> 3] = byte | mask
    return (byte & mask) === 0
  }

  #count(label: string): void {
    this.bytes += label.length
    for (let at = 0; at < label.length; at++) {
      const code = label.charCodeAt(at) & 127
      this.#letters[code] = Math.min(0xffff, (this.#letters[code] ?? 0) + 1)
    }
  }

  /** Shannon's entropy of the letters of all different labels together. */
  get bitsPerLetter(): number {
    const all = this.#letters.reduce((sum, count) => sum + count, 0)
    return this.#letters.reduce(
      (sum, count) => (count === 0 ? sum : sum - (count / all) * Math.log2(count / all)),
      0,
    )
  }
}

export class Tunnels {
  readonly #limits: TunnelLimits
  readonly #windows = new BoundedMap<string, Window>(LIMITS.dnsWindows.value)
  /** Found in the window before: a tunnel does not become honest with the next minute. */
  readonly #found = new BoundedMap<string, EpochMs>(LIMITS.dnsClients.value)

  constructor(limits: TunnelLimits) {
    this.#limits = limits
  }

  /** @returns the numbers, if together they look like a tunnel through the name's domain. */
  asked(client: string, question: { readonly name: string; readonly type: number }, at: EpochMs) {
    const { domain, below } = registeredOf(question.name)
    if (LOOKUP_SERVICES.has(domain)) return undefined
    const key = `${client} ${domain}`
    const window = this.#window(key, at)
    window.ask(below, question.type)
    return this.#judge(key, domain, window, at)
  }

  answered(client: string, name: string, answer: { readonly bytes: number; readonly at: EpochMs }): void {
    const { domain } = registeredOf(name)
    const window = this.#windows.get(`${client} ${domain}`)
    if (window) window.answerBytes += answer.bytes
  }

  #window(key: string, at: EpochMs): Window {
    const known = this.#windows.get(key)
    if (known && at - known.start < this.#limits.windowSeconds * 1_000) return known
    const window = new Window(at)
    this.#windows.set(key, window)
    return window
  }

  #judge(key: string, domain: string, window: Window, at: EpochMs) {
    const before = this.#found.get(key)
    const isKnown = before !== undefined && at - before < 2_000 * this.#limits.windowSeconds
    if (!isKnown && !this.#isTunnel(window)) return undefined
    this.#found.set(key, isKnown && !this.#isTunnel(window) ? before : at)
    return { check: 'tunnel', domain, evidence: this.#evidence(window) } as const
  }

  #isTunnel(window: Window): boolean {
    const { names, bytes, carrying, queries, answerBytes } = window
    if (names < NAMES) return false
    const most = this.#limits.bytes
    const isUp = bytes >= most && bytes >= names * BYTES_EACH && window.bitsPerLetter >= BITS
    // Half of all questions: mail servers ask for TXT and MX of many domains, and not of one.
    const isDown = carrying * 2 >= queries && answerBytes >= most * DOWN && names * 2 >= queries
    return isUp || isDown
  }

  #evidence(window: Window): TunnelEvidence {
    const { queries, names, bytes, carrying, answerBytes, bitsPerLetter } = window
    const seconds = this.#limits.windowSeconds
    return { queries, names, bytes, bitsPerLetter, carrying, answerBytes, seconds }
  }
}
