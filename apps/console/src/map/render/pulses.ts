import type { Outcome } from '@sekisho/core'
import { type Camera, type Size, toScreen } from './camera.ts'
import { type Curve, pointOn } from './curve.ts'
import type { Theme } from './theme.ts'

interface Pulse {
  readonly curve: Curve
  readonly outcome: Outcome
  readonly from: number
}

export interface PulseView {
  readonly camera: Camera
  readonly size: Size
  readonly ratio: number
  readonly theme: Theme
}

const LIFE_MS = 1_100
/** Enough to see that traffic flows; more would be unrest, and work for the processor. */
const MOST = 40

/** Dots that run along lines with new traffic, on a canvas of their own, so that the map itself is not redrawn. */
export class Pulses {
  readonly #context: CanvasRenderingContext2D
  #pulses: Pulse[] = []
  #frame: number | undefined
  readonly #view: () => PulseView

  constructor(context: CanvasRenderingContext2D, view: () => PulseView) {
    this.#context = context
    this.#view = view
    context.canvas.hidden = true
  }

  add(curves: readonly { readonly curve: Curve; readonly outcome: Outcome }[]): void {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return
    const now = performance.now()
    const fresh = curves.slice(0, MOST).map((pulse, index) => ({ ...pulse, from: now + index * 23 }))
    this.#pulses = [...this.#pulses, ...fresh].slice(-MOST)
    this.#context.canvas.hidden = false
    this.#frame ??= requestAnimationFrame(this.#paint)
  }

  stop(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#frame = undefined
    this.#pulses = []
  }

  readonly #paint = (now: number): void => {
    const { camera, size, ratio, theme } = this.#view()
    this.#pulses = this.#pulses.filter(pulse => now - pulse.from < LIFE_MS)
    // A canvas without pulses is taken out: an empty one would still be blended over the map in every frame.
    this.#context.canvas.hidden = this.#pulses.length === 0
    this.#frame = this.#pulses.length > 0 ? requestAnimationFrame(this.#paint) : undefined
    const context = this.#context
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, size.width, size.height)
    for (const { curve, outcome, from } of this.#pulses) {
      const t = (now - from) / LIFE_MS
      if (t < 0) continue
      // What is denied does not arrive.
      const { x, y } = toScreen(camera, size, pointOn(curve, outcome === 'denied' ? t * 0.5 : t))
      context.globalAlpha = Math.min(1, 4 * t, 4 * (1 - t))
      context.fillStyle = theme[outcome]
      context.beginPath()
      context.arc(x, y, 3, 0, Math.PI * 2)
      context.fill()
    }
    context.globalAlpha = 1
  }
}
