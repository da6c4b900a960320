import type { SideDecision } from '../decision.ts'
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
const TAKEN = 5 // the answer that comes of it; below zero the step that comes next
const STEP = 6

const ANYBODY = 0
/** Everybody has it. */
const COMMON_BIT = 1 << 31
const serialBit = (serial: number): number => 1 << (serial % 31)

export const bitsOf = (serials: readonly number[]): number =>
  serials.reduce((bits, serial) => bits | serialBit(serial), COMMON_BIT)

/** Who is asked about: its serials as `addSerials` keeps them, and their bits. */
export interface Peer {
  readonly serials: number
  readonly bits: number
}

export class Sheets {
  #numbers = new Int32Array(1024)
  #used = 1
  readonly #answers: SideDecision[] = []
  readonly #places = new Map<SideDecision, number>()
  /** The steps of whom no policy judges. */
  readonly nobody = this.addSteps(NO_STEPS)

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
        answer ? this.#place(answer) : -(start + after * STEP),
      ]),
    )
  }

  #place(answer: SideDecision): number {
    const held = this.#places.get(answer)
    if (held !== undefined) return held
    this.#places.set(answer, this.#answers.length)
    return this.#answers.push(answer) - 1
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
   * @returns undefined where the evaluators must be asked
   */
  ask(steps: number, bit: number, port: number, { bits, serials }: Peer): SideDecision | undefined {
    const numbers = this.#numbers
    for (let at = steps; ; ) {
      const about = numbers[at + ABOUT] ?? 0
      if (
        (about & bit) === 0 ||
        port < (numbers[at + FIRST] ?? 0) ||
        port > (numbers[at + LAST] ?? 0) ||
        ((numbers[at + BITS] ?? 0) & bits) === 0 ||
        !this.#isPeer(numbers[at + PEERS] ?? 0, serials)
      ) {
        at += STEP
        continue
      }
      if ((about & UNSURE) !== 0) return undefined
      const taken = numbers[at + TAKEN] ?? 0
      if (taken >= 0) return this.#answers[taken]
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
