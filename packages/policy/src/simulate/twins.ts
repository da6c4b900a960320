import { type Direction, LIMITS, type WorkloadId } from '@sekisho/core'
import type { QueryEnd } from '../decision.ts'
import type { PolicyDocument } from '../documents/document.ts'
import type { End, Entry } from '../model/entry.ts'
import type { ModelIndex } from '../model/model-index.ts'
import type { Standing } from '../model/standing.ts'
import { Numbered } from './numbered.ts'

export interface Versions<T> {
  readonly before: T
  readonly after: T
}

/** An end of flows as two models know it: where `Twins` has its numbers. */
export type Twin = number & { readonly twin: unique symbol }

/** What is asked for each flow, as numbers side by side in one array: a look at an object may be a read of far memory. */
const KIND = 0 // of its `Kind`
const FLAGS = 1
const OWNER_BEFORE = 2 // of the workload it is of, or 0
const OWNER_AFTER = 3
const FAMILIES = 4 // of its address, see `familiesOf`
const FACED = 5 // families of which an end was last faced by it
const FACING = 6 // which twin it is then
const WIDTH = 8

/** Has a node's address in either model: more may depend on it than its kind. */
const IS_NODE = 1
/** All that policies may ask of it is the same in both models, and so are those that judge what it sends. */
const SENDS_ALIKE = 2
/** The same of those that judge what it is sent. */
const RECEIVES_ALIKE = 4

/** Ends that the policies of neither model can tell apart, see `Standing`, are of one kind. */
interface Kind {
  readonly number: number
  readonly isNode: boolean
  /** The same policies judge what it sends, and what it is sent. */
  readonly egressIsSame: boolean
  readonly ingressIsSame: boolean
}

/** One number for both, 0 where neither is known. */
const familiesOf = ({ before, after }: Versions<End>): number =>
  (before.family ?? 0) * 16 + (after.family ?? 0)

/** What a verdict may depend on besides its ends: the time, by which rules expire, and which addresses are of which node. */
const surroundsAlike = ({ before, after }: Versions<ModelIndex>): boolean =>
  before.now === after.now && before.nodeAddresses.equals(after.nodeAddresses)

/** The same by identity: what is equal but another object is judged anyway, which is never wrong. */
const isSame = ({ before, after }: Versions<End>): boolean =>
  before.text === after.text &&
  before.owner?.workload === after.owner?.workload &&
  before.owner?.namespace.namespace === after.owner?.namespace.namespace

function judging(index: ModelIndex, { owner }: End, direction: Direction): readonly PolicyDocument[] {
  const policies = owner ? index.policiesOf(owner) : []
  return policies.flatMap(({ document, sections }) => (sections[direction] ? [document] : []))
}

const isEqual = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((each, at) => each === b[at])

/**
 * By texts, any at all. A key of an object is found by where its text is; to find one of a map, the texts of others that
 * share its place are read, each of them far away.
 */
const byText = <T>(): Record<string, T> => Object.create(null) as Record<string, T> // it has nothing, nor inherits it

/** Ends of flows in two models that stay as they are, each found and compared once. */
export class Twins {
  readonly #models: Versions<ModelIndex>
  readonly #isComparable: boolean
  readonly #most: number
  /** Nobody is asked for by the empty name: no workload has it. */
  readonly #named = byText<Twin>()
  readonly #addressed = byText<Twin>()
  readonly #both = new Map<WorkloadId, Map<string, Twin>>()
  readonly #ends: Versions<End>[] = []
  readonly #owners = new Numbered<Entry | undefined>()
  readonly #kinds = new Map<Standing, Map<Standing, Kind>>()
  /** By kind, where the sheets of each model have its standing. */
  readonly #placesBefore: number[] = []
  readonly #placesAfter: number[] = []
  #numbers = new Int32Array(WIDTH << 10)

  constructor(models: Versions<ModelIndex>) {
    this.#models = models
    this.#isComparable = surroundsAlike(models)
    this.#most = 4 * models.before.workloads.size + LIMITS.parsedAddresses.value
    this.#owners.of(undefined)
  }

  /** There are so many that others should take their place: a scan has no end of addresses. */
  get isFull(): boolean {
    return this.#ends.length > this.#most
  }

  find({ workload, ip }: QueryEnd): Twin {
    return this.#held(workload, ip) ?? this.#learn(workload, ip)
  }

  #held(workload: WorkloadId | undefined, ip: string | undefined): Twin | undefined {
    if (ip === undefined) return this.#named[workload ?? '']
    return workload === undefined ? this.#addressed[ip] : this.#both.get(workload)?.get(ip)
  }

  #learn(workload: WorkloadId | undefined, ip: string | undefined): Twin {
    const { before, after } = this.#models
    const asked = { ...(workload !== undefined && { workload }), ...(ip !== undefined && { ip }) }
    const twin = this.#add({ before: before.ends.find(asked), after: after.ends.find(asked) })
    if (ip === undefined) this.#named[workload ?? ''] = twin
    else if (workload === undefined) this.#addressed[ip] = twin
    else put(this.#both, workload, ip, twin)
    return twin
  }

  /** Of who is named, the end that is meant where the one it faces has a family, see `findEnds`. */
  facing(twin: Twin, faced: Twin): Twin {
    const families = this.#at(faced, FAMILIES)
    if (families === 0 || families === this.#at(twin, FAMILIES)) return twin
    if (families !== this.#at(twin, FACED)) this.#face(twin, faced, families)
    return this.#at(twin, FACING) as Twin // as `#face` has put it there
  }

  #face(twin: Twin, faced: Twin, families: number): void {
    const ends = this.ends(twin)
    const other = this.ends(faced)
    const facing = this.#add({
      before: ends.before.of(other.before.family),
      after: ends.after.of(other.after.family),
    })
    this.#numbers[twin * WIDTH + FACED] = families
    this.#numbers[twin * WIDTH + FACING] = facing
  }

  ends(twin: Twin): Versions<End> {
    const ends = this.#ends[twin]
    if (!ends) throw new RangeError(`there is no end ${twin}`)
    return ends
  }

  kind(twin: Twin): number {
    return this.#at(twin, KIND)
  }

  placeBefore(kind: number): number {
    return this.#placesBefore[kind] ?? 0
  }

  placeAfter(kind: number): number {
    return this.#placesAfter[kind] ?? 0
  }

  /** All that a verdict depends on is the same in both models. */
  areAlike(source: Twin, destination: Twin): boolean {
    return (this.#at(source, FLAGS) & SENDS_ALIKE & (this.#at(destination, FLAGS) >> 1)) !== 0
  }

  /** Nothing but the kinds of both ends counts: neither is a node's, and they are not one workload's. */
  areOfKinds(source: Twin, destination: Twin): boolean {
    return (
      ((this.#at(source, FLAGS) | this.#at(destination, FLAGS)) & IS_NODE) === 0 &&
      !this.#isOneOwner(source, destination, OWNER_BEFORE) &&
      !this.#isOneOwner(source, destination, OWNER_AFTER)
    )
  }

  #isOneOwner(source: Twin, destination: Twin, version: number): boolean {
    const owner = this.#at(source, version)
    return owner !== 0 && owner === this.#at(destination, version)
  }

  #at(twin: Twin, offset: number): number {
    return this.#numbers[twin * WIDTH + offset] ?? 0
  }

  #add(ends: Versions<End>): Twin {
    const twin = (this.#ends.push(ends) - 1) as Twin // its numbers come now
    if ((twin + 1) * WIDTH > this.#numbers.length) this.#grow()
    const { number, isNode, egressIsSame, ingressIsSame } = this.#kindOf(ends)
    const isAlike = this.#isComparable && isSame(ends)
    const flags =
      (isNode ? IS_NODE : 0) |
      (isAlike && egressIsSame ? SENDS_ALIKE : 0) |
      (isAlike && ingressIsSame ? RECEIVES_ALIKE : 0)
    const ownerBefore = this.#owners.of(ends.before.owner)
    const ownerAfter = this.#owners.of(ends.after.owner)
    this.#numbers.set([number, flags, ownerBefore, ownerAfter, familiesOf(ends)], twin * WIDTH)
    return twin
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#numbers.length)
    larger.set(this.#numbers)
    this.#numbers = larger
  }

  #kindOf({ before, after }: Versions<End>): Kind {
    const models = this.#models
    const old = models.before.standings.of(before)
    const now = models.after.standings.of(after)
    const held = this.#kinds.get(old)?.get(now)
    if (held) return held
    const isJudgedAlike = (direction: Direction): boolean =>
      isEqual(judging(models.before, before, direction), judging(models.after, after, direction))
    const kind: Kind = {
      number: this.#placesBefore.push(old.place) - 1,
      isNode: old.isNode || now.isNode,
      egressIsSame: isJudgedAlike('egress'),
      ingressIsSame: isJudgedAlike('ingress'),
    }
    this.#placesAfter.push(now.place)
    put(this.#kinds, old, now, kind)
    return kind
  }
}

function put<A, B, T>(values: Map<A, Map<B, T>>, a: A, b: B, value: T): void {
  const held = values.get(a)
  if (held) held.set(b, value)
  else values.set(a, new Map([[b, value]]))
}
