import type { NodeName } from '@sekisho/core'
import type { FlowQuery, QueryEnd } from '../decision.ts'
import type { End } from './entry.ts'
import type { ModelIndex } from './model-index.ts'

/**
 * What is known of an end of a question, as numbers side by side: to follow objects to it takes a read of far memory
 * for each.
 */
const SEAT = 4
const STAMP = 0
const ON_4 = 1 // its standing where the other end's address is of version 4
const ON_6 = 2
const OWNER = 3 // of the workload that selectors may select: another for each; zero where there is none

/** Of a stamp: its family if it has one, and whether it may be the own node of the other end. */
const FAMILY = 0b0111
const NODE = 0b1000
/** By what an end is asked for. */
const BY_NAME = 0 << 4
const BY_ADDRESS = 1 << 4
const BY_BOTH = 2 << 4
const BY_NOTHING = 3 << 4
/** All else of a stamp is the age in which the end was found. */
const AGE = 1 << 6

/** An end that is not found at its own seat is at one of those behind it, or nowhere. */
const WAYS = 8
const SEATS_PER_WORKLOAD = 4
/** Also where workloads are few, the world outside is asked about. */
const SPARE = 1024
/** Then stamps begin anew, and nothing of before is left. */
const LAST_STAMP = AGE * 2 ** 16

/** Its last letters tell ends apart; texts that are made up to be alike cost time, and tell nothing false. */
const TOLD_BY = 8
const letter = (text: string, back: number): number =>
  back <= text.length ? text.charCodeAt(text.length - back) : 0

/** The address, or the name where there is none. */
const keyOf = ({ workload, ip }: QueryEnd): string => ip ?? workload ?? ''

function kindOf({ workload, ip }: QueryEnd): number {
  if (ip === undefined) return workload === undefined ? BY_NOTHING : BY_NAME
  return workload === undefined ? BY_ADDRESS : BY_BOTH
}

const NONE = -1

/** Where the ends of a question sit. */
export interface Seated {
  readonly source: number
  readonly destination: number
}

/**
 * Ends as questions name them, and what they are to the policies as the model is now: of those that were asked for
 * last, as many as there is room for. Each change of the model makes everything in it void.
 */
export class Seats {
  readonly #index: ModelIndex
  #age = AGE
  #bits = 0
  #numbers = new Int32Array()
  #keys: string[] = []
  /** The name beside an address. */
  #names: string[] = []
  /** The node of a workload or address; undefined where that is not plain. */
  #nodes: (NodeName | undefined)[] = []

  constructor(index: ModelIndex) {
    this.#index = index
    this.#resize(1)
  }

  #resize(bits: number): void {
    const count = 1 << bits
    this.#bits = bits
    this.#numbers = new Int32Array(count * SEAT)
    this.#keys = Array(count).fill('')
    this.#names = Array(count).fill('')
    this.#nodes = Array(count).fill(undefined)
  }

  /** To be called with each change of the model. */
  forget(): void {
    this.#age += AGE
    if (this.#age < LAST_STAMP) return
    this.#age = AGE
    this.#numbers.fill(0)
  }

  /** Both texts are read letter by letter at once: each may be far away, and so they are waited for together. */
  find(query: FlowQuery): Seated {
    const from = keyOf(query.source)
    const to = keyOf(query.destination)
    let first = from.length
    let second = to.length
    for (let back = TOLD_BY; back > 0; back--) {
      first = Math.imul(first, 31) + letter(from, back)
      second = Math.imul(second, 31) + letter(to, back)
    }
    const source = this.#find(query.source, first, NONE)
    return { source, destination: this.#find(query.destination, second, source) }
  }

  /** @param kept the seat of the other end, which stays its own */
  #find(end: QueryEnd, told: number, kept: number): number {
    const key = keyOf(end)
    const kind = kindOf(end)
    const stamp = this.#age | kind
    const first = this.#first(told)
    const last = (1 << this.#bits) - 1
    for (let way = 0; way < WAYS; way++) {
      const seat = (first + way) & last
      if (
        ((this.#numbers[seat * SEAT + STAMP] ?? 0) & ~(NODE | FAMILY)) === stamp &&
        this.#keys[seat] === key &&
        (kind !== BY_BOTH || this.#names[seat] === end.workload)
      )
        return seat
    }
    if (kept === NONE) this.#fit()
    return this.#take(this.#free(this.#first(told), kept), end)
  }

  #first(told: number): number {
    return Math.imul(told, 0x9e3779b1) >>> (32 - this.#bits)
  }

  #take(seat: number, end: QueryEnd): number {
    const { ends, standings } = this.#index
    const found = ends.find(end)
    const on4 = end.ip === undefined ? found.of(4) : found
    const on6 = end.ip === undefined ? found.of(6) : found
    const from4 = standings.of(on4)
    const from6 = standings.of(on6)
    const node = from4.isNode || from6.isNode ? NODE : 0
    const stamp = this.#age | kindOf(end) | node | (found.family ?? 0)
    this.#numbers.set([stamp, from4.place, from6.place, found.entry?.serial ?? 0], seat * SEAT)
    this.#keys[seat] = keyOf(end)
    this.#names[seat] = end.workload ?? ''
    this.#nodes[seat] = found.entry ? found.entry.workload.node : this.#nodeOf(on4, on6)
    return seat
  }

  #fit(): void {
    const room = this.#index.workloads.size * SEATS_PER_WORKLOAD + SPARE
    const bits = 32 - Math.clz32(room)
    if (bits > this.#bits) this.#resize(bits)
  }

  /** One that is void, or the first. */
  #free(first: number, kept: number): number {
    const last = (1 << this.#bits) - 1
    for (let way = 0; way < WAYS; way++) {
      const seat = (first + way) & last
      if ((this.#numbers[seat * SEAT + STAMP] ?? 0) < this.#age) return seat
    }
    return first === kept ? (first + 1) & last : first
  }

  #nodeOf(on4: End, on6: End): NodeName | undefined {
    if (on4 !== on6 || on4.text === undefined) return undefined
    const nodes = this.#index.nodeAddresses.nodesAt(on4.text)
    return nodes.length === 1 ? nodes[0] : undefined
  }

  /** Of its address; zero where it has none. */
  family(seat: number): number {
    return (this.#numbers[seat * SEAT + STAMP] ?? 0) & FAMILY
  }

  /** @param family of the other end's address, or zero. */
  standing(seat: number, family: number): number {
    const meant = family === 0 ? this.family(seat) : family
    return this.#numbers[seat * SEAT + (meant === 6 ? ON_6 : ON_4)] ?? 0
  }

  /** Whether both are the same workload. */
  isSelf(a: number, b: number): boolean {
    const owner = this.#numbers[a * SEAT + OWNER]
    return owner !== 0 && owner === this.#numbers[b * SEAT + OWNER]
  }

  /** Whether `a` is the node that `b` runs on; undefined where that is not plain. */
  isNodeOf(a: number, b: number): boolean | undefined {
    if (((this.#numbers[a * SEAT + STAMP] ?? 0) & NODE) === 0) return false
    const node = this.#nodes[a]
    if (this.#numbers[a * SEAT + OWNER] !== 0 || node === undefined) return undefined
    return this.#numbers[b * SEAT + OWNER] !== 0 && this.#nodes[b] === node
  }
}
