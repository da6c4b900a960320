import { between, type Camera } from './camera.ts'

const DURATION_MS = 260

const eased = (t: number): number => 1 - (1 - t) ** 3

/** Moves the camera smoothly, or at once for those who asked for less motion. */
export class Motion {
  readonly #show: (camera: Camera) => void
  #frame: number | undefined

  constructor(show: (camera: Camera) => void) {
    this.#show = show
  }

  to(from: Camera, goal: Camera): void {
    this.stop()
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.#show(goal)
      return
    }
    let start: number | undefined
    const step = (now: number): void => {
      start ??= now
      const t = Math.min(1, (now - start) / DURATION_MS)
      this.#frame = t < 1 ? requestAnimationFrame(step) : undefined
      this.#show(t < 1 ? between(from, goal, eased(t)) : goal)
    }
    this.#frame = requestAnimationFrame(step)
  }

  stop(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#frame = undefined
  }
}
