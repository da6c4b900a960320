import type { MapNode } from '@sekisho/control'
import { type IslandTotals, protection } from '../graph/aggregate.ts'
import type { NodeTotals } from '../graph/graph.ts'
import { CARD } from '../layout/islands.ts'
import type { Island } from '../layout/layout.ts'
import { formatTarget, sameTarget, type Target } from '../target.ts'
import type { Camera } from './camera.ts'
import type { Scene } from './scene.ts'
import type { World } from './world.ts'

/** Below this zoom a card's second line is too small to read: the name alone, larger. */
const SMALL = 0.8
/** Below this width, in pixels, an island's title has no room for a count. */
const NARROW = 175

/** What cards and titles say; the full name is what a screen reader reads. */
export interface CardWords {
  readonly nodeName: (node: MapNode, totals: NodeTotals) => string
  readonly nodeNote: (node: MapNode) => string
  readonly islandTitle: (name: string) => string
  readonly islandName: (name: string, totals: IslandTotals) => string
  readonly count: (value: number) => string
  readonly islandNote: (totals: IslandTotals) => string
}

interface Faces {
  readonly world: World
  readonly totals: ReadonlyMap<string, IslandTotals>
  readonly words: CardWords
}

export interface CardState {
  readonly focus: Target | undefined
  readonly selection: Target | undefined
}

interface Card {
  readonly element: HTMLButtonElement
  readonly title: HTMLElement
  /** Shown by style sheet from `data-text`: the button's name says the same in full, once. */
  readonly note: HTMLElement
  readonly count: HTMLElement
  /** What it shows now; undefined while it waits to be used again. */
  id: string | undefined
  target: Target | undefined
  /** The last written face, so that unchanged cards cost nothing. */
  face: string
}

const part = (parent: HTMLElement, className: string): HTMLElement => {
  const element = document.createElement('span')
  element.className = className
  return parent.appendChild(element)
}

function makeCard(): Card {
  const element = document.createElement('button')
  element.type = 'button'
  element.tabIndex = -1
  part(element, 'map-card-icon').ariaHidden = 'true'
  const text = part(element, 'map-card-text')
  const title = part(text, 'map-card-title')
  const note = part(text, 'map-card-note')
  const count = part(element, 'map-card-denied')
  return { element, title, note, count, id: undefined, target: undefined, face: '' }
}

/**
 * The focusable part of the map: one button per near node and visible island, at most `BUDGET.elements`, taken from
 * a pool and given to other nodes as the view moves, so that a pan neither makes nor removes elements.
 */
export class Cards {
  readonly #host: HTMLElement
  readonly #cards: Card[] = []
  readonly #shown = new Map<string, Card>()
  readonly #targets = new WeakMap<Element, Card>()
  #stop: Card | undefined
  #zoom = 0

  constructor(host: HTMLElement) {
    this.#host = host
  }

  /** How many buttons exist, used or not: never more than the budget. */
  get size(): number {
    return this.#cards.length
  }

  targetOf(element: EventTarget | null): Target | undefined {
    const card = element instanceof Element ? element.closest('button') : null
    return card ? this.#targets.get(card)?.target : undefined
  }

  elementOf(target: Target): HTMLElement | undefined {
    return this.#shown.get(formatTarget(target))?.element
  }

  /** On a pan this is all there is to do: the layer moves as one. */
  move(camera: Camera, width: number, height: number): void {
    const { x, y, k } = camera
    this.#host.style.transform = `translate(${width / 2 - x * k}px, ${height / 2 - y * k}px)`
  }

  update(scene: Scene, faces: Faces, state: CardState, k: number): void {
    const nodes = scene.cards.map(node => ({ node, key: faces.world.graph.nodes[node]?.key ?? '' }))
    const ids = new Set([
      ...nodes.map(({ key }) => formatTarget({ kind: 'node', key })),
      ...scene.titles.map(({ name }) => formatTarget({ kind: 'island', name })),
    ])
    for (const [id, card] of this.#shown) if (!ids.has(id)) this.#release(id, card)
    const rezoomed = this.#zoom !== k
    this.#zoom = k
    for (const island of scene.titles) this.#showIsland(island, faces, state, k)
    for (const { node, key } of nodes) this.#showNode(node, key, faces, state, { k, rezoomed })
    this.#host.classList.toggle('is-far', scene.detail === 'far')
    this.#host.classList.toggle('is-small', k < SMALL)
    this.#rove(state.focus, scene)
  }

  #release(id: string, card: Card): void {
    this.#shown.delete(id)
    card.id = undefined
    card.target = undefined
    card.face = ''
    card.element.hidden = true
  }

  #take(id: string, target: Target): Card {
    const shown = this.#shown.get(id)
    if (shown) return shown
    const free = this.#cards.find(card => card.id === undefined)
    const card = free ?? makeCard()
    if (!free) {
      this.#cards.push(card)
      this.#targets.set(card.element, card)
      this.#host.append(card.element)
    }
    card.id = id
    card.target = target
    card.element.hidden = false
    this.#shown.set(id, card)
    return card
  }

  #showNode(
    index: number,
    key: string,
    { world, words }: Faces,
    { selection }: CardState,
    { k, rezoomed }: { readonly k: number; readonly rezoomed: boolean },
  ): void {
    const node = world.graph.nodes[index]
    const totals = world.graph.totals[index]
    if (!node || !totals) return
    const target: Target = { kind: 'node', key }
    const card = this.#take(formatTarget(target), target)
    const [x, y] = [world.x[index] ?? 0, world.y[index] ?? 0]
    const selected = sameTarget(selection, target)
    const name = words.nodeName(node, totals)
    const face = `${name}|${node.ingress}|${node.egress}|${words.nodeNote(node)}|${selected}|${x}|${y}`
    if (card.face === face && !rezoomed) return
    card.face = face
    const { element } = card
    element.className = 'map-card'
    element.dataset.kind = node.kind
    element.dataset.ingress = node.ingress
    if (node.attack === undefined) delete element.dataset.attack
    else element.dataset.attack = node.attack
    element.ariaLabel = name
    element.ariaPressed = String(selected)
    element.style.maxWidth = ''
    card.title.textContent = node.name
    card.note.dataset.text = words.nodeNote(node)
    card.count.dataset.text = totals.denied > 0 ? `✕ ${words.count(totals.denied)}` : ''
    element.style.transform = `translate(${(x - CARD.width / 2) * k}px, ${(y - CARD.height / 2) * k}px) scale(${k})`
  }

  #showIsland(island: Island, { totals, words }: Faces, { selection }: CardState, k: number): void {
    const sum = totals.get(island.name)
    if (!sum) return
    const target: Target = { kind: 'island', name: island.name }
    const card = this.#take(formatTarget(target), target)
    const selected = sameTarget(selection, target)
    const name = words.islandName(island.name, sum)
    const face = `${name}|${k}|${selected}|${island.x}|${island.y}|${island.width}`
    if (card.face === face) return
    card.face = face
    const { element } = card
    element.className = 'map-title'
    element.dataset.kind = island.outside ? 'outside' : 'island'
    element.dataset.ingress = protection(sum)
    element.ariaLabel = name
    element.ariaPressed = String(selected)
    card.title.textContent = words.islandTitle(island.name)
    card.note.dataset.text = words.islandNote(sum)
    // The name needs the room of a narrow island; the mark stays.
    const count = island.width * k < NARROW ? '' : ` ${words.count(sum.denied)}`
    card.count.dataset.text = sum.denied > 0 ? `✕${count}` : ''
    element.style.maxWidth = `${Math.max(72, island.width * k)}px`
    element.style.transform = `translate(${island.x * k}px, ${(island.y + 40) * k}px) translateY(-100%)`
  }

  /** One tab stop for the whole map: where the focus was last, else the first title. */
  #rove(focus: Target | undefined, scene: Scene): void {
    const [first] = scene.titles
    const title: Target | undefined = first && { kind: 'island', name: first.name }
    const wanted = focus && this.#shown.get(formatTarget(focus))
    const stop = wanted ?? (title && this.#shown.get(formatTarget(title)))
    if (stop === this.#stop) return
    if (this.#stop) this.#stop.element.tabIndex = -1
    if (stop) stop.element.tabIndex = 0
    this.#stop = stop
  }
}
