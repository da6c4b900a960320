import { LIMITS } from '@sekisho/core'
import type { NameAddress } from '@sekisho/inspect'

interface Held {
  readonly until: number
  pass(): void
}

export interface HeldAnswersOptions {
  /** Has the addresses brought into the kernel; `programmed` with the same number says that they are there. */
  readonly program: (number: number, names: readonly NameAddress[]) => void
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number
}

/**
 * Answers of resolvers that wait until the kernel knows the addresses in them: their client connects at once. They wait
 * no longer than `answerHeldMs`, and no more than `heldAnswers` at a time; then they pass, for names must be resolved
 * whatever happens here.
 */
export class HeldAnswers {
  readonly #options: HeldAnswersOptions
  readonly #held = new Map<number, Held>()
  #read: NameAddress[] = []
  #last = 0

  constructor(options: HeldAnswersOptions) {
    this.#options = options
  }

  get isWaiting(): boolean {
    return this.#held.size > 0
  }

  /** A packet of which the verdict is not told yet says so. */
  note(names: readonly NameAddress[]): void {
    this.#read.push(...names)
  }

  /** Tells the packet's verdict: at once where it named no address, else when those are in the kernel. */
  tell(pass: () => void): void {
    if (this.#read.length === 0) {
      pass()
      return
    }
    const number = ++this.#last
    this.#options.program(number, this.#read)
    this.#read = []
    if (this.#held.size >= LIMITS.heldAnswers.value) pass()
    else this.#held.set(number, { until: this.#options.now() + LIMITS.answerHeldMs.value, pass })
  }

  /** The packet does not pass: what it says is nothing to anybody. */
  forget(): void {
    this.#read = []
  }

  programmed(number: number): void {
    this.#held.get(number)?.pass()
    this.#held.delete(number)
  }

  /** Lets pass what has waited for too long. */
  expire(): void {
    for (const [number, { until }] of this.#held) {
      if (until > this.#options.now()) return
      this.programmed(number)
    }
  }
}
