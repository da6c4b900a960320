export interface BackoffLimits {
  readonly firstMs: number
  readonly mostMs: number
  /** In [0, 1), as `Math.random`. */
  readonly random: () => number
}

/**
 * Waiting times that double up to a limit, each drawn from the upper half of its range: a thousand agents that
 * lost one server must not all come back in the same second.
 */
export class Backoff {
  readonly #limits: BackoffLimits
  #failures = 0

  constructor(limits: BackoffLimits) {
    this.#limits = limits
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    const { firstMs, mostMs, random } = this.#limits
    const most = Math.min(mostMs, firstMs * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 30)
    return most / 2 + (random() * most) / 2
  }

  succeeded(): void {
    this.#failures = 0
  }
}
