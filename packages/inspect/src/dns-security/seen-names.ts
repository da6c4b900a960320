import type { EpochMs } from '@sekisho/core'
import { FNV_BASIS, fnv1a } from './fnv.ts'

/*
 * Which domains were ever asked for, in two Bloom filters: when the newer one is full, the older is thrown away, so that
 * a domain is forgotten that nobody asked for while so many others were. One new domain in some thousands passes for known.
 */
const BITS = 1 << 22
const HASHES = 6
/** Six hashes into four million bits: one in five thousand is taken for known. */
const FULL = 250_000

export class SeenNames {
  readonly #since: EpochMs
  #newer = new Uint32Array(BITS / 32)
  #older = new Uint32Array(BITS / 32)
  #count = 0

  /** @param since when the cluster began to be watched: until it has been learnt, everything is new. */
  constructor(since: EpochMs) {
    this.#since = since
  }

  /** Remembers the domain. @returns whether it is new, and what is usual has been learnt for so long. */
  isNew(domain: string, at: EpochMs, learnSeconds: number): boolean {
    const [one, other] = hashesOf(domain)
    const isKnown = has(this.#newer, one, other)
    const wasKnown = isKnown || has(this.#older, one, other)
    if (!isKnown) this.#add(one, other)
    return !wasKnown && at - this.#since >= learnSeconds * 1_000
  }

  #add(one: number, other: number): void {
    if (this.#count >= FULL) {
      this.#older = this.#newer
      this.#newer = new Uint32Array(BITS / 32)
      this.#count = 0
    }
    this.#count++
    for (let i = 0; i < HASHES; i++) {
      const bit = placeOf(one, other, i)
      this.#newer[bit >>> 5] = (this.#newer[bit >>> 5] ?? 0) | (1 << (bit & 31))
    }
  }
}

/** Two hashes stand for many (Kirsch and Mitzenmacher, 2006). */
const placeOf = (one: number, other: number, i: number): number => ((one + Math.imul(i, other)) >>> 0) % BITS

function has(bits: Uint32Array, one: number, other: number): boolean {
  for (let i = 0; i < HASHES; i++) {
    const bit = placeOf(one, other, i)
    if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
  }
  return true
}

function hashesOf(text: string): readonly [number, number] {
  let [one, other] = [FNV_BASIS, 0x9747b28c]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    one = fnv1a(one, code)
    other = Math.imul(other ^ code, 0x5bd1e995) ^ (other >>> 15)
  }
  return [one ^ (one >>> 16), other | 1]
}
