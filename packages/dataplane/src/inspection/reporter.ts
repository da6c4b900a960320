import { LIMITS } from '@sekisho/core'
import type { Told } from './inspection.protocol.ts'

/** Gathers what is to be told, so that the main thread is woken for many notices at once, and never flooded. */
export class Reporter {
  readonly #send: (told: readonly Told[], lost: number) => void
  readonly #now: () => number
  #told: Told[] = []
  #lost = 0
  #unheard = 0
  #since = 0

  /** @param now milliseconds of a clock that does not jump. */
  constructor(send: (told: readonly Told[], lost: number) => void, now: () => number) {
    this.#send = send
    this.#now = now
  }

  tell(told: Told): void {
    if (this.#told.length === 0) this.#since = this.#now()
    if (this.#told.length < LIMITS.noticesPerReport.value) this.#told.push(told)
    else this.#lost++
  }

  /** The last report but some was read. */
  heard(): void {
    this.#unheard--
  }

  /** Milliseconds until something is due; -1 where nothing is. */
  get dueIn(): number {
    if (this.#told.length === 0 || this.#unheard >= UNHEARD_MAX) return -1
    return Math.max(0, Math.ceil(this.#since + GATHER_MS - this.#now()))
  }

  flush(): void {
    if (this.dueIn !== 0 && this.#told.length < LIMITS.noticesPerReport.value) return
    if (this.#unheard >= UNHEARD_MAX || this.#told.length === 0) return
    this.#unheard++
    this.#send(this.#told, this.#lost)
    this.#told = []
    this.#lost = 0
  }
}

const GATHER_MS = 50
const UNHEARD_MAX = 4
