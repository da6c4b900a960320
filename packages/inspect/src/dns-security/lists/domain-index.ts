import { FNV_BASIS, fnv1a } from '../fnv.ts'
import type { ListEntry, Scope } from './entry.ts'
import { highOf, lowOf, SECOND, second } from './fingerprint.ts'

/*
 * Names of many lists in one sorted array, eight bytes each: the upper word is one half of the fingerprint, the lower word
 *   20 bits of the other half      list(9) exception(1) scope(2)
 * The same entries give the same bytes, in whatever order they came. 52 bits are compared: where a million names are
 * listed, one look-up in a billion finds a name that is not.
 */
const META_BITS = 12
const META = (1 << META_BITS) - 1
const MOST_LISTS = 512
/** The directory tells where entries begin by the first bits of the upper word: about four entries each. */
const ENTRIES_BITS = 2
const MOST_DIRECTORY_BITS = 20
const DOT = 0x2e

const SCOPES = ['exact', 'below', 'both'] as const satisfies readonly Scope[]

/** A list that names a domain. */
export interface DomainMatch {
  readonly list: string
  /** The listed name: the asked one, or a domain above it. */
  readonly domain: string
}

const NO_MATCH: readonly DomainMatch[] = Object.freeze([])

export class DomainIndexBuilder {
  readonly #lists: string[] = []
  #words = new Uint32Array(2_048)
  #count = 0

  /** @returns what adds names to this list; raises `RangeError` where there are too many lists. */
  list(name: string): (entry: ListEntry) => void {
    if (this.#lists.length === MOST_LISTS) throw new RangeError(`more than ${MOST_LISTS} lists`)
    const list = this.#lists.push(name) - 1
    return entry => this.#add(list, entry)
  }

  #add(list: number, { name, scope, isException }: ListEntry): void {
    if (this.#count * 2 === this.#words.length) this.#grow()
    let [one, other] = [FNV_BASIS, SECOND]
    for (let at = name.length - 1; at >= 0; at--) {
      const code = name.charCodeAt(at)
      one = fnv1a(one, code)
      other = second(other, code)
    }
    const meta = (list << 3) | ((isException ? 1 : 0) << 2) | SCOPES.indexOf(scope)
    this.#words[this.#count * 2] = (lowOf(other) & ~META) | meta
    this.#words[this.#count * 2 + 1] = highOf(one, other)
    this.#count++
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2)
    words.set(this.#words)
    this.#words = words
  }

  build(): DomainIndex {
    const sorted = new BigUint64Array(this.#words.buffer, 0, this.#count).slice().sort()
    return new DomainIndex(sorted.slice(0, withoutRepetitions(sorted)), this.#lists)
  }
}

/** Moves each entry to the front once. @returns how many there are. */
function withoutRepetitions(sorted: BigUint64Array): number {
  let kept = 0
  for (const entry of sorted) if (kept === 0 || entry !== sorted[kept - 1]) sorted[kept++] = entry
  return kept
}

/** Which lists name a domain or one above it. */
export class DomainIndex {
  readonly size: number
  /** Of the arrays that hold the names. */
  readonly bytes: number
  readonly #lists: readonly string[]
  readonly #words: Uint32Array
  readonly #directory: Uint32Array
  /** By how much the upper word is shifted to be a place in the directory. */
  readonly #shift: number

  constructor(sorted: BigUint64Array, lists: readonly string[]) {
    this.size = sorted.length
    this.#lists = lists
    this.#words = new Uint32Array(sorted.buffer, sorted.byteOffset, sorted.length * 2)
    const bits = Math.ceil(Math.log2(this.size + 1)) - ENTRIES_BITS
    this.#shift = 32 - Math.min(MOST_DIRECTORY_BITS, Math.max(1, bits))
    this.#directory = directoryOf(this.#words, this.#shift)
    this.bytes = this.#words.byteLength + this.#directory.byteLength
  }

  /**
   * @param name lower case, without the last dot.
   * @returns for each list the longest listed domain that the name is or is under, unless that is an exception.
   */
  match(name: string): readonly DomainMatch[] {
    let [one, other] = [FNV_BASIS, SECOND]
    let found: DomainMatch[] | undefined
    let code = name.charCodeAt(name.length - 1)
    for (let at = name.length - 1; at >= 0; at--) {
      one = fnv1a(one, code)
      other = second(other, code)
      code = at === 0 ? DOT : name.charCodeAt(at - 1)
      if (code !== DOT) continue
      const entry = this.#find(highOf(one, other) >>> 0, lowOf(other))
      if (entry < 0) continue
      found ??= []
      this.#collect(entry, { name, at }, found)
    }
    return found ?? NO_MATCH
  }

  /** The first entry of the fingerprint, or -1. */
  #find(high: number, low: number): number {
    const words = this.#words
    const place = high >>> this.#shift
    const end = this.#directory[place + 1] ?? 0
    for (let at = this.#directory[place] ?? 0; at < end; at++)
      if (words[at * 2 + 1] === high && (((words[at * 2] ?? 0) ^ low) & ~META) === 0) return at
    return -1
  }

  /** Entries of one fingerprint stand side by side; a longer domain's word counts more than a shorter one's. */
  #collect(
    entry: number,
    { name, at: from }: { readonly name: string; readonly at: number },
    found: DomainMatch[],
  ): void {
    const words = this.#words
    const [low, high] = [words[entry * 2] ?? 0, words[entry * 2 + 1]]
    for (let at = entry; words[at * 2 + 1] === high && (((words[at * 2] ?? 0) ^ low) & ~META) === 0; at++) {
      const meta = (words[at * 2] ?? 0) & META
      const scope = SCOPES[meta & 3]
      if (from === 0 ? scope === 'below' : scope === 'exact') continue
      const list = this.#lists[meta >> 3] ?? ''
      const before = found.findIndex(match => match.list === list)
      if (before >= 0) found.splice(before, 1)
      if ((meta & 4) === 0) found.push({ list, domain: name.slice(from) })
    }
  }
}

function directoryOf(words: Uint32Array, shift: number): Uint32Array {
  const directory = new Uint32Array((1 << (32 - shift)) + 1)
  for (let at = 1; at < words.length; at += 2) {
    const next = ((words[at] ?? 0) >>> shift) + 1
    directory[next] = (directory[next] ?? 0) + 1
  }
  for (let at = 1; at < directory.length; at++)
    directory[at] = (directory[at] ?? 0) + (directory[at - 1] ?? 0)
  return directory
}
