import type { Point } from '../geometry.ts'

export interface GestureListener {
  /** By screen pixels. */
  readonly pan: (dx: number, dy: number) => void
  readonly zoom: (at: Point, factor: number) => void
  readonly hover: (at: Point | undefined) => void
  readonly tap: (at: Point) => void
  readonly open: (at: Point) => void
}

/** A press that moved less than this, in pixels, is a tap. */
const SLACK = 4
const WHEEL_SPEED = 0.0018
const LINE_PIXELS = 16

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })
const gap = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y)

const onButton = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('button') !== null

/** Wheel in pixels; a pinch on a trackpad arrives as a wheel with the control key, in much smaller steps. */
function wheelFactor(event: WheelEvent): number {
  const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE_PIXELS : event.deltaY
  return Math.exp(-pixels * WHEEL_SPEED * (event.ctrlKey ? 5 : 1))
}

/** Pointer, wheel and pinch on one element; cards inside it stay clickable, and a drag may begin on one. */
export function watchGestures(element: HTMLElement, listener: GestureListener): Disposable {
  const stop = new AbortController()
  const options = { signal: stop.signal }
  const pointers = new Map<number, Point>()
  let moved = 0

  const at = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }

  function drag(event: PointerEvent, from: Point): void {
    const to = at(event)
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1]
    pointers.set(event.pointerId, to)
    moved += gap(from, to)
    if (moved > SLACK && !element.hasPointerCapture(event.pointerId))
      element.setPointerCapture(event.pointerId)
    if (!other) {
      if (moved > SLACK) listener.pan(to.x - from.x, to.y - from.y)
      return
    }
    const [before, after] = [middle(from, other), middle(to, other)]
    listener.pan(after.x - before.x, after.y - before.y)
    listener.zoom(after, gap(to, other) / Math.max(gap(from, other), 1))
  }

  function release(event: PointerEvent): void {
    pointers.delete(event.pointerId)
    element.classList.toggle('is-dragged', pointers.size > 0)
  }

  element.addEventListener(
    'pointerdown',
    event => {
      if (event.button !== 0) return
      if (pointers.size === 0) moved = 0
      pointers.set(event.pointerId, at(event))
      element.classList.add('is-dragged')
    },
    options,
  )
  element.addEventListener(
    'pointermove',
    event => {
      const from = pointers.get(event.pointerId)
      if (from) drag(event, from)
      else if (event.pointerType === 'mouse') listener.hover(at(event))
    },
    options,
  )
  element.addEventListener('pointerup', release, options)
  element.addEventListener('pointercancel', release, options)
  element.addEventListener('pointerleave', () => listener.hover(undefined), options)
  // A click that ends a drag belongs to the drag, also when it ends on a card.
  element.addEventListener(
    'click',
    event => {
      if (moved > SLACK && event.detail > 0) event.stopPropagation()
      else if (event.detail > 0 && !onButton(event.target)) listener.tap(at(event))
    },
    { ...options, capture: true },
  )
  element.addEventListener('dblclick', event => listener.open(at(event)), options)
  element.addEventListener(
    'wheel',
    event => {
      event.preventDefault()
      listener.zoom(at(event), wheelFactor(event))
    },
    { ...options, passive: false },
  )
  return { [Symbol.dispose]: () => stop.abort() }
}
