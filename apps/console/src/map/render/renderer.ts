import { centre, type Point } from '../geometry.ts'
import { type IslandTotals, islandTotals } from '../graph/aggregate.ts'
import { edgeKey } from '../graph/graph.ts'
import { sameTarget, type Target } from '../target.ts'
import { type Camera, fitted, kept, panned, revealing, type Size, toWorld, ZOOM, zoomed } from './camera.ts'
import { Cards, type CardWords } from './cards.ts'
import { watchGestures } from './gestures.ts'
import { hit } from './hit.ts'
import { Motion } from './motion.ts'
import { paint, type Words } from './paint.ts'
import { anchorOf, rectOf, stopFor, stops } from './places.ts'
import { Pulses } from './pulses.ts'
import { detailAt, type Look, type Scene, scene } from './scene.ts'
import { readTheme, type Theme, watchTheme } from './theme.ts'
import { nearest, type Way } from './walk.ts'
import { shownBounds, type World } from './world.ts'

export interface Listener {
  readonly selected: (target: Target | undefined) => void
  /** After every movement of the camera that has come to rest. */
  readonly moved: (camera: Camera) => void
  readonly drawn: (scene: Scene) => void
}

export type MapWords = Words & CardWords

/**
 * The sheet is larger than the window by so many pixels on each side: a pan moves the drawn sheet, which costs next to
 * nothing, and only one that has come to its edge is drawn anew.
 */
const MARGIN = 200

const context2d = (canvas: HTMLCanvasElement): CanvasRenderingContext2D => {
  const context = canvas.getContext('2d')
  if (!context) throw new Error('map: this browser has no 2D canvas')
  return context
}

/**
 * The live map inside `host`: a canvas for islands, lines and plates, a second one for pulses, a layer of buttons.
 * It draws only when something changed, at most once per animation frame.
 */
export class Renderer implements Disposable {
  readonly #host: HTMLElement
  readonly #listener: Listener
  readonly #sheet: HTMLElement
  readonly #canvas: HTMLCanvasElement
  readonly #pulseCanvas: HTMLCanvasElement
  readonly #context: CanvasRenderingContext2D
  readonly #cards: Cards
  readonly #pulses: Pulses
  readonly #motion: Motion
  readonly #cleanup = new DisposableStack()
  #words: MapWords
  #theme: Theme
  #world: World | undefined
  #totals: ReadonlyMap<string, IslandTotals> = new Map()
  #size: Size = { width: 0, height: 0 }
  #ratio = 1
  #camera: Camera = { x: 0, y: 0, k: 1 }
  /** The camera that the sheet was drawn for. */
  #drawn: Camera = { x: 0, y: 0, k: 1 }
  /** Whether the camera was ever set; until then a first world is fitted. */
  #placed = false
  #hover: Target | undefined
  #selection: Target | undefined
  #focus: Target | undefined
  #scene: Scene | undefined
  #frame: number | undefined
  #rest: ReturnType<typeof setTimeout> | undefined

  constructor(host: HTMLElement, words: MapWords, listener: Listener) {
    this.#host = host
    this.#words = words
    this.#listener = listener
    this.#sheet = host.appendChild(document.createElement('div'))
    this.#sheet.className = 'map-sheet'
    this.#sheet.style.inset = `${-MARGIN}px`
    this.#canvas = this.#sheet.appendChild(document.createElement('canvas'))
    this.#pulseCanvas = this.#sheet.appendChild(document.createElement('canvas'))
    this.#canvas.ariaHidden = this.#pulseCanvas.ariaHidden = 'true'
    const layer = this.#sheet.appendChild(document.createElement('div'))
    layer.className = 'map-cards'
    this.#context = context2d(this.#canvas)
    this.#theme = readTheme(host)
    this.#cards = new Cards(layer)
    this.#pulses = new Pulses(context2d(this.#pulseCanvas), () => ({
      camera: this.#drawn,
      size: this.#sheetSize,
      ratio: this.#ratio,
      theme: this.#theme,
    }))
    this.#motion = new Motion(camera => this.#look(camera))
    this.#watch(layer)
  }

  #watch(layer: HTMLElement): void {
    const cleanup = this.#cleanup
    cleanup.use(watchTheme(() => this.#retheme()))
    cleanup.use(
      watchGestures(this.#host, {
        pan: (dx, dy) => this.#steer(panned(this.#camera, dx, dy)),
        zoom: (at, factor) => this.#steer(zoomed(this.#camera, this.#size, at, factor)),
        hover: at => this.#hoverAt(at),
        tap: at => this.#listener.selected(this.#hit(at)),
        open: at => this.#open(this.#hit(at)),
      }),
    )
    const resized = new ResizeObserver(() => this.#resize())
    resized.observe(this.#host)
    cleanup.defer(() => resized.disconnect())
    const events = new AbortController()
    cleanup.defer(() => events.abort())
    const options = { signal: events.signal }
    layer.addEventListener('click', event => this.#choose(this.#cards.targetOf(event.target)), options)
    layer.addEventListener('focusin', event => this.#focused(this.#cards.targetOf(event.target)), options)
    layer.addEventListener(
      'pointerover',
      event => this.#setHover(this.#cards.targetOf(event.target)),
      options,
    )
  }

  [Symbol.dispose](): void {
    this.#cleanup.dispose()
    this.#motion.stop()
    this.#pulses.stop()
    clearTimeout(this.#rest)
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#host.replaceChildren()
  }

  // What the page tells the map.

  setWords(words: MapWords): void {
    this.#words = words
    this.#redraw()
  }

  setWorld(world: World): void {
    this.#world = world
    this.#totals = islandTotals(world.graph)
    this.#hover = undefined
    if (!this.#placed && this.#size.width > 0) this.#fitFirst()
    this.#redraw()
  }

  setSelection(selection: Target | undefined): void {
    this.#selection = selection
    this.#redraw()
  }

  /** Where an address in the browser's bar says to look; before the first world it also stops the first fit. */
  setCamera(camera: Camera): void {
    this.#placed = true
    this.#motion.stop()
    this.#look(camera)
  }

  /** Edges with traffic just now. */
  pulse(keys: readonly string[]): void {
    const { links = [], aggregates = [] } = this.#scene ?? {}
    const wanted = new Set(keys)
    const touched = (link: number): boolean =>
      this.#world?.graph.links[link]?.edges.some(edge => wanted.has(edgeKey(edge))) === true
    const world = this.#world
    if (!world) return
    this.#pulses.add([
      ...links.filter(touched).map(link => ({
        curve: world.curve(link),
        outcome: world.graph.links[link]?.outcome ?? 'allowed',
      })),
      ...aggregates
        .filter(a => a.links.some(touched))
        .map(({ curve }) => ({ curve, outcome: 'allowed' as const })),
    ])
  }

  fit(): void {
    if (this.#world) this.#fly(fitted(shownBounds(this.#world), this.#size))
  }

  zoom(direction: 1 | -1): void {
    const at = { x: this.#size.width / 2, y: this.#size.height / 2 }
    this.#fly(zoomed(this.#camera, this.#size, at, ZOOM.step ** direction))
  }

  /** Looks at something: near enough for cards, moving no more than needed when it is. */
  reveal(target: Target): void {
    const rect = this.#world && rectOf(this.#world, target)
    if (!rect) return
    if (target.kind === 'island') this.#fly(fitted(rect, this.#size))
    else if (this.#near) this.#fly(revealing(this.#camera, this.#size, rect))
    else this.#fly({ ...centre(rect), k: 0.85 })
  }

  /** Gives the keyboard's focus to something's button; it is brought into view first. */
  focusOn(target: Target): void {
    const world = this.#world
    if (!world) return
    const goal = stopFor(world, target, this.#near)
    this.#focus = goal
    const rect = rectOf(world, goal)
    if (rect) {
      this.#motion.stop()
      // Of an island it is the title that must be seen.
      const seen = goal.kind === 'island' ? { ...rect, height: Math.min(rect.height, 40) } : rect
      this.#look(revealing(this.#camera, this.#size, seen))
    }
    this.#draw()
    this.#cards.elementOf(goal)?.focus({ preventScroll: true })
  }

  /** One step of the arrow keys; nothing happens where the map ends. */
  walk(way: Way): void {
    const world = this.#world
    const from = world && this.#focus && anchorOf(world, this.#focus, this.#near)
    const next = world && from && nearest(from, stops(world, this.#near), way)
    if (next) this.focusOn(next.target)
  }

  // Inside.

  get #near(): boolean {
    return detailAt(this.#camera.k) === 'near'
  }

  #hit(at: Point): Target | undefined {
    if (!this.#world || !this.#scene) return undefined
    return hit(this.#world, this.#scene, toWorld(this.#camera, this.#size, at), this.#camera.k)
  }

  #hoverAt(at: Point | undefined): void {
    this.#setHover(at && this.#hit(at))
  }

  #setHover(target: Target | undefined): void {
    // An island fills the screen when near: hovering water must not dim everything else.
    const wanted = target?.kind === 'island' && detailAt(this.#camera.k) !== 'far' ? undefined : target
    if (sameTarget(wanted, this.#hover)) return
    this.#hover = wanted
    this.#host.classList.toggle('is-over', target !== undefined && target.kind !== 'island')
    this.#redraw()
  }

  #choose(target: Target | undefined): void {
    if (target) this.#listener.selected(target)
  }

  #open(target: Target | undefined): void {
    if (target?.kind === 'island' || target?.kind === 'node') this.reveal(target)
  }

  #focused(target: Target | undefined): void {
    if (!target || sameTarget(target, this.#focus)) return
    this.#focus = target
    this.#redraw()
  }

  #fitFirst(): void {
    if (!this.#world) return
    this.#placed = true
    this.#camera = fitted(this.#world.bounds, this.#size)
  }

  #steer(camera: Camera): void {
    this.#motion.stop()
    this.#look(camera)
  }

  #fly(goal: Camera): void {
    this.#placed = true
    this.#motion.to(this.#camera, goal)
  }

  #look(camera: Camera): void {
    this.#camera = this.#world ? kept(camera, this.#world.bounds) : camera
    if (this.#hover) this.#redraw()
    this.#hover = undefined
    this.#shift()
    clearTimeout(this.#rest)
    this.#rest = setTimeout(() => this.#listener.moved(this.#camera), 250)
  }

  /** Moves the sheet to where the camera looks, as long as it covers the window; else it is drawn anew. */
  #shift(): void {
    const { x, y, k } = this.#camera
    const [dx, dy] = [(this.#drawn.x - x) * k, (this.#drawn.y - y) * k]
    if (k !== this.#drawn.k || Math.abs(dx) > MARGIN || Math.abs(dy) > MARGIN) this.#redraw()
    else this.#sheet.style.transform = `translate(${dx}px, ${dy}px)`
  }

  get #sheetSize(): Size {
    return { width: this.#size.width + 2 * MARGIN, height: this.#size.height + 2 * MARGIN }
  }

  #retheme(): void {
    this.#theme = readTheme(this.#host)
    this.#redraw()
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#host
    this.#ratio = Math.min(window.devicePixelRatio, 2)
    this.#size = { width, height }
    for (const canvas of [this.#canvas, this.#pulseCanvas]) {
      canvas.width = Math.round(this.#sheetSize.width * this.#ratio)
      canvas.height = Math.round(this.#sheetSize.height * this.#ratio)
    }
    if (!this.#placed && this.#world && width > 0) this.#fitFirst()
    this.#draw()
  }

  #redraw(): void {
    this.#frame ??= requestAnimationFrame(() => this.#draw())
  }

  #draw(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#frame = undefined
    const world = this.#world
    if (!world || this.#size.width === 0) return
    const size = this.#sheetSize
    const camera = this.#camera
    const look: Look = { camera, size, hover: this.#hover, selection: this.#selection, focus: this.#focus }
    const drawn = scene(world, look)
    this.#scene = drawn
    this.#drawn = camera
    this.#sheet.style.transform = ''
    this.#cards.move(camera, size.width, size.height)
    const focused = this.#cards.targetOf(document.activeElement)
    this.#cards.update(drawn, { world, totals: this.#totals, words: this.#words }, look, camera.k)
    const brush = {
      context: this.#context,
      theme: this.#theme,
      words: this.#words,
      camera,
      size,
      ratio: this.#ratio,
    }
    paint(brush, world, drawn)
    if (focused && !this.#cards.elementOf(focused)) this.#refocus(world, focused)
    this.#listener.drawn(drawn)
  }

  /** A card that went away by zooming out hands the keyboard's focus to its island: it must not fall off the map. */
  #refocus(world: World, target: Target): void {
    this.#focus = stopFor(world, target, this.#near)
    this.#cards.elementOf(this.#focus)?.focus({ preventScroll: true })
  }
}
