import type { Decision, SideDecision } from '../decision.ts'
import { decidedBy } from './decide.ts'
import { NOT_SELECTED, OWN_NODE, SELF } from './evaluators.ts'
import { NO_STEPS, type Step, UNSURE } from './screen.ts'

/**
 * What is asked for most, as numbers side by side in one array: each look at an object may be a read of far memory.
 *
 * A list of serials: how many, and each of them. A list of steps: `STEP` numbers for each.
 */
const ABOUT = 0
const FIRST = 1
const LAST = 2
const BITS = 3 // of its peers' serials: whoever has none of them is no peer
const PEERS = 4 // where their list is, or ANYBODY
const TAKEN = 5 // the answer that comes of it, see `place`; below zero the step that comes next
const STEP = 6

const ANYBODY = 0
/** Everybody has it. */
const COMMON_BIT = 1 << 31
const serialBit = (serial: number): number => 1 << (serial % 31)

const bitsOf = (serials: readonly number[]): number =>
  serials.reduce((bits, serial) => bits | serialBit(serial), COMMON_BIT)

/** What is kept of a standing. */
interface Standing {
  /** What it is as a peer: serials of selections, blocks and places. */
  readonly serials: readonly number[]
  /** Where the steps are that judge it. */
  readonly ingress: number
  readonly egress: number
  readonly auditIngress: number
  readonly auditEgress: number
  /** Its own policies can act, see `isActed`. */
  readonly acts: boolean
  /** Some rule of the policies that judge it asks for facts. */
  readonly needsFacts: boolean
}

/** Of a standing: the steps of each direction and set, see `steps`, and what it is as a peer. */
const SERIALS = 4
const SERIAL_BITS = 5
const TRAITS = 6
const [ACTS, NEEDS_FACTS] = [1, 2]

/** Of the number of an answer: all that tells which side decides. */
const [ALLOWS, SAYS_NOTHING] = [1, 2]

/** What must be asked of the evaluators. */
export const UNTOLD = -1

export class Sheets {
  #numbers = new Int32Array(1024)
  #used = 1
  readonly #answers: SideDecision[] = []
  readonly #places = new Map<SideDecision, number>()
  /** The steps of whom no policy judges. */
  readonly nobody = this.addSteps(NO_STEPS)
  readonly self = this.place(SELF)
  readonly ownNode = this.place(OWN_NODE)

  addSerials(serials: readonly number[]): number {
    return this.#add([serials.length, ...serials])
  }

  addSteps(steps: readonly Step[]): number {
    const lists = steps.map(({ peers }) => (peers ? this.addSerials(peers) : ANYBODY))
    const start = this.#used
    return this.#add(
      steps.flatMap(({ about, first, last, peers, answer, after }, at) => [
        about,
        first,
        last,
        peers ? bitsOf(peers) & ~COMMON_BIT : COMMON_BIT,
        lists[at] ?? ANYBODY,
        answer ? this.place(answer) : -(start + after * STEP),
      ]),
    )
  }

  addStanding(standing: Standing): number {
    const { serials, ingress, egress, auditIngress, auditEgress, acts, needsFacts } = standing
    const list = this.addSerials(serials)
    const traits = (acts ? ACTS : 0) | (needsFacts ? NEEDS_FACTS : 0)
    return this.#add([ingress, egress, auditIngress, auditEgress, list, bitsOf(serials), traits])
  }

  /** @param slot see `profileSlot` */
  steps(standing: number, slot: number): number {
    return this.#numbers[standing + slot] ?? 0
  }

  acts(standing: number): boolean {
    return ((this.#numbers[standing + TRAITS] ?? 0) & ACTS) !== 0
  }

  needsFacts(standing: number): boolean {
    return ((this.#numbers[standing + TRAITS] ?? 0) & NEEDS_FACTS) !== 0
  }

  /** @returns its number */
  place(answer: SideDecision): number {
    const held = this.#places.get(answer)
    if (held !== undefined) return held
    const said = answer.why === 'not-selected' ? ALLOWS | SAYS_NOTHING : ALLOWS
    const place = ((this.#answers.push(answer) - 1) << 2) | (answer.verdict === 'allow' ? said : 0)
    this.#places.set(answer, place)
    return place
  }

  /** What `combine` makes of two answers, without a look at more than it needs. */
  combine(egress: number, ingress: number): Decision {
    const byEgress = (egress & ALLOWS) === 0 || (ingress & SAYS_NOTHING) !== 0
    return decidedBy(byEgress ? 'egress' : 'ingress', this.#answer(egress), this.#answer(ingress))
  }

  #answer(place: number): SideDecision {
    return this.#answers[place >> 2] ?? NOT_SELECTED
  }

  #add(numbers: readonly number[]): number {
    const start = this.#used
    this.#used += numbers.length
    if (this.#used > this.#numbers.length) {
      const larger = new Int32Array(2 * this.#used)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers.set(numbers, start)
    return start
  }

  /**
   * @param steps as `addSteps` keeps them
   * @param bit `protocolBit` of the protocol
   * @returns the first step that is about it, from where `ask` goes on
   */
  first(steps: number, bit: number, port: number): number {
    const numbers = this.#numbers
    let at = steps
    while (
      ((numbers[at + ABOUT] ?? 0) & bit) === 0 ||
      port < (numbers[at + FIRST] ?? 0) ||
      port > (numbers[at + LAST] ?? 0)
    )
      at += STEP
    return at
  }

  /**
   * @param steps as `addSteps` keeps them
   * @param bit `protocolBit` of the protocol
   * @param peer its standing
   * @returns the number of an answer, or `UNTOLD`
   */
  ask(steps: number, bit: number, port: number, peer: number): number {
    const numbers = this.#numbers
    const bits = numbers[peer + SERIAL_BITS] ?? 0
    for (let at = steps; ; ) {
      const about = numbers[at + ABOUT] ?? 0
      if (
        (about & bit) === 0 ||
        port < (numbers[at + FIRST] ?? 0) ||
        port > (numbers[at + LAST] ?? 0) ||
        ((numbers[at + BITS] ?? 0) & bits) === 0 ||
        !this.#isPeer(numbers[at + PEERS] ?? 0, numbers[peer + SERIALS] ?? 0)
      ) {
        at += STEP
        continue
      }
      if ((about & UNSURE) !== 0) return UNTOLD
      const taken = numbers[at + TAKEN] ?? 0
      if (taken >= 0) return taken
      at = -taken
    }
  }

  #isPeer(peers: number, list: number): boolean {
    if (peers === ANYBODY) return true
    const numbers = this.#numbers
    const lastPeer = peers + (numbers[peers] ?? 0)
    const last = list + (numbers[list] ?? 0)
    for (let peer = peers + 1; peer <= lastPeer; peer++) {
      for (let at = list + 1; at <= last; at++) if (numbers[at] === numbers[peer]) return true
    }
    return false
  }
}
