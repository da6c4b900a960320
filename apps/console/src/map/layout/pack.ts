/** Free water between islands: room for the curves and arrows between them. */
const WATER = { width: 120, height: 150 } as const
const ASPECT = 1.7
/** Islands are packed in cells of whole steps, so that one more card seldom moves the neighbours. */
const STEP = { width: 220, height: 132 } as const

export interface Box {
  readonly name: string
  readonly width: number
  readonly height: number
}

export interface Place {
  readonly x: number
  readonly y: number
}

/** Links between two islands in one direction, by name. */
export interface Traffic {
  readonly source: string
  readonly destination: string
  readonly links: number
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const stepped = (size: number, step: number): number => Math.ceil(size / step) * step

/** How many links two islands exchange, both directions. Rounded to powers of two: small changes move nothing. */
function affinities(traffic: readonly Traffic[]): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const sums = new Map<string, Map<string, number>>()
  const add = (a: string, b: string, links: number) => {
    const row = sums.get(a) ?? new Map<string, number>()
    row.set(b, (row.get(b) ?? 0) + links)
    sums.set(a, row)
  }
  for (const { source, destination, links } of traffic) {
    add(source, destination, links)
    add(destination, source, links)
  }
  for (const row of sums.values()) for (const [to, links] of row) row.set(to, Math.ceil(Math.log2(links + 1)))
  return sums
}

/** Callers before callees: the island that starts more links than it takes comes first. */
function surplus(traffic: readonly Traffic[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const { source, destination, links } of traffic) {
    sums.set(source, (sums.get(source) ?? 0) + links)
    sums.set(destination, (sums.get(destination) ?? 0) - links)
  }
  return sums
}

/** Each next island is the one that talks most to those placed before it, the latest counting most. */
export function sequence(names: readonly string[], traffic: readonly Traffic[]): string[] {
  const near = affinities(traffic)
  const first = surplus(traffic)
  const pull = new Map(names.map(name => [name, 0]))
  const order: string[] = []
  const better = (a: string, b: string): number =>
    (pull.get(b) ?? 0) - (pull.get(a) ?? 0) || (first.get(b) ?? 0) - (first.get(a) ?? 0) || byName(a, b)
  while (pull.size > 0) {
    let next: string | undefined
    for (const name of pull.keys()) if (next === undefined || better(name, next) < 0) next = name
    if (next === undefined) break
    order.push(next)
    pull.delete(next)
    for (const [name, old] of pull) pull.set(name, old / 2 + (near.get(next)?.get(name) ?? 0))
  }
  return order
}

interface Shelf {
  readonly boxes: Box[]
  width: number
  height: number
}

function shelve(boxes: readonly Box[], limit: number): Shelf[] {
  const shelves: Shelf[] = []
  for (const box of boxes) {
    const width = stepped(box.width, STEP.width) + WATER.width
    const last = shelves.at(-1)
    const shelf = last && last.width + width <= limit ? last : { boxes: [], width: 0, height: 0 }
    if (shelf !== last) shelves.push(shelf)
    shelf.boxes.push(box)
    shelf.width += width
    shelf.height = Math.max(shelf.height, stepped(box.height, STEP.height) + WATER.height)
  }
  return shelves
}

/** Shelf lengths to try, in widths of the widest island; the one whose result is seen largest on a screen wins. */
const LENGTHS = Array.from({ length: 24 }, (_, index) => 1 + index * 0.25)

function bestShelves(boxes: readonly Box[]): Shelf[] {
  const widest = Math.max(0, ...boxes.map(box => stepped(box.width, STEP.width) + WATER.width))
  let best: Shelf[] = []
  let least = Number.POSITIVE_INFINITY
  for (const length of LENGTHS) {
    const shelves = shelve(boxes, widest * length)
    const width = Math.max(0, ...shelves.map(shelf => shelf.width))
    const height = shelves.reduce((sum, shelf) => sum + shelf.height, 0)
    const extent = Math.max(width / ASPECT, height)
    if (extent < least) [best, least] = [shelves, extent]
  }
  return best
}

/** Shelves filled in turn from the left and from the right, so that neighbours in the sequence stay neighbours. */
export function pack(boxes: readonly Box[]): {
  places: ReadonlyMap<string, Place>
  width: number
  height: number
} {
  const shelves = bestShelves(boxes)
  const width = Math.max(0, ...shelves.map(shelf => shelf.width))
  const places = new Map<string, Place>()
  let top = 0
  shelves.forEach((shelf, index) => {
    let left = (width - shelf.width) / 2
    for (const box of index % 2 === 0 ? shelf.boxes : shelf.boxes.toReversed()) {
      const cell = stepped(box.width, STEP.width) + WATER.width
      places.set(box.name, { x: left + (cell - box.width) / 2, y: top + (shelf.height - box.height) / 2 })
      left += cell
    }
    top += shelf.height
  })
  return { places, width, height: top }
}
