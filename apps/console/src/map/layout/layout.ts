import { around, type Rect } from '../geometry.ts'
import { type Arrangement, arrange, CARD } from './islands.ts'
import { pack, sequence, type Traffic } from './pack.ts'

/** What the layout depends on, and nothing else: never on counts, outcomes or what was laid out before. */
export interface LayoutInput {
  readonly keys: readonly string[]
  /** Island of each node, as an index into `islands`. */
  readonly island: Uint32Array
  readonly islands: readonly string[]
  /** The island of outside addresses; it goes to the edge. */
  readonly outside: string
  /** Pairs of node indexes: source, destination. */
  readonly links: Uint32Array
}

export interface Island extends Rect {
  readonly name: string
  readonly outside: boolean
  /** Indexes of its nodes. */
  readonly nodes: readonly number[]
}

/** Positions in world units; x and y are the centres of cards, in the order of the input's nodes. */
export interface Layout {
  readonly keys: readonly string[]
  readonly x: Float64Array
  readonly y: Float64Array
  readonly islands: readonly Island[]
  /** The smallest box around all islands. */
  readonly bounds: Rect
}

/** By key, so that positions do not depend on the order in which a server lists its nodes. */
function membersByIsland({ keys, island, islands }: LayoutInput): number[][] {
  const members = islands.map((): number[] => [])
  keys.forEach((_, node) => {
    members[island[node] ?? 0]?.push(node)
  })
  const key = (node: number) => keys[node] ?? ''
  for (const nodes of members) nodes.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
  return members
}

interface Split {
  /** Links inside each island, by position among its members. */
  readonly inner: (readonly [number, number])[][]
  readonly traffic: Traffic[]
}

function split(input: LayoutInput, members: readonly (readonly number[])[]): Split {
  const { links, island, islands } = input
  const position = new Uint32Array(input.keys.length)
  for (const nodes of members) {
    nodes.forEach((node, index) => {
      position[node] = index
    })
  }
  const inner = islands.map((): (readonly [number, number])[] => [])
  const between = new Map<number, number>()
  for (let at = 0; at + 1 < links.length; at += 2) {
    const [source = 0, destination = 0] = [links[at], links[at + 1]]
    const [from = 0, to = 0] = [island[source], island[destination]]
    if (from === to) inner[from]?.push([position[source] ?? 0, position[destination] ?? 0])
    else between.set(from * islands.length + to, (between.get(from * islands.length + to) ?? 0) + 1)
  }
  const traffic = [...between].map(([pair, count]) => ({
    source: islands[Math.floor(pair / islands.length)] ?? '',
    destination: islands[pair % islands.length] ?? '',
    links: count,
  }))
  return { inner, traffic }
}

/** Sorted, so that the order of a server's edges does not show either. */
const ordered = (links: (readonly [number, number])[]) => links.sort((a, b) => a[0] - b[0] || a[1] - b[1])

/**
 * Namespaces as islands: columns by call depth inside, islands on shelves beside those they talk to, the outside
 * world at the right edge. A function of its input alone, linear but for one sort per island and one per sequence.
 */
export function layout(input: LayoutInput): Layout {
  const members = membersByIsland(input)
  const { inner, traffic } = split(input, members)
  const arranged = new Map<string, Arrangement>(
    input.islands.map((name, index) => [
      name,
      arrange({
        keys: (members[index] ?? []).map(node => input.keys[node] ?? ''),
        links: ordered(inner[index] ?? []),
      }),
    ]),
  )
  const inland = input.islands.filter(name => name !== input.outside).toSorted()
  const order = sequence(
    inland,
    traffic.filter(({ source, destination }) => source !== input.outside && destination !== input.outside),
  )
  const land = pack(
    order.map(name => {
      const { width, height } = arranged.get(name) ?? { width: 0, height: 0 }
      return { name, width, height }
    }),
  )
  const places = new Map(land.places)
  const outer = arranged.get(input.outside)
  if (outer)
    places.set(input.outside, { x: land.width + CARD.width / 2, y: (land.height - outer.height) / 2 })
  return assemble(input, members, arranged, places)
}

function assemble(
  input: LayoutInput,
  members: readonly (readonly number[])[],
  arranged: ReadonlyMap<string, Arrangement>,
  places: ReadonlyMap<string, { readonly x: number; readonly y: number }>,
): Layout {
  const x = new Float64Array(input.keys.length)
  const y = new Float64Array(input.keys.length)
  const islands = input.islands.map((name, index): Island => {
    const nodes = members[index] ?? []
    const place = places.get(name) ?? { x: 0, y: 0 }
    const inside = arranged.get(name)
    nodes.forEach((node, position) => {
      x[node] = place.x + (inside?.x[position] ?? 0)
      y[node] = place.y + (inside?.y[position] ?? 0)
    })
    const { width, height } = inside ?? { width: 0, height: 0 }
    return { name, ...place, width, height, outside: name === input.outside, nodes }
  })
  return { keys: input.keys, x, y, islands, bounds: around(islands) }
}
