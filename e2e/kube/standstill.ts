import { systemTimer, type Timer } from '@sekisho/control'
import type { Clock } from '@sekisho/core'
import { systemTimers } from '../../packages/kube/test/system-timers.ts'

/** The time of one server, which stands still when the test says so, while what reaches it by sockets goes on. */
export class Standstill {
  #stoodAt: number | undefined
  readonly #due: (() => void)[] = []
  readonly clock: Clock = {
    now: systemTimers.now,
    monotonic: () => this.#stoodAt ?? systemTimers.monotonic(),
  }
  readonly timer: Timer = {
    after: (ms, run) =>
      systemTimer.after(ms, () => (this.#stoodAt === undefined ? run() : this.#due.push(run))),
  }

  stand(): void {
    this.#stoodAt = systemTimers.monotonic()
  }
  goOn(): void {
    this.#stoodAt = undefined
    for (const run of this.#due.splice(0)) run()
  }
}
