/** World units; a card is drawn one unit to one CSS pixel at zoom 1. */
export const CARD = { width: 184, height: 48 } as const
/** Between two columns of different call depth there is room for a port label; inside one depth there is not. */
const DEPTH_GAP = 132
const COLUMN_GAP = 36
const ROW_PITCH = CARD.height + 18
const PADDING = 30
const TITLE = 46
/** Width to height that an island, and the whole map, aim at: a little wider than a screen's. */
const ASPECT = 1.7
const SWEEPS = 3

/** The nodes of one island and the links between them, by position in `keys`. */
export interface IslandInput {
  readonly keys: readonly string[]
  readonly links: readonly (readonly [source: number, destination: number])[]
}

/** Centres relative to the island's top left corner, in the order of `keys`. */
export interface Arrangement {
  readonly x: Float64Array
  readonly y: Float64Array
  readonly width: number
  readonly height: number
}

export interface Neighbours {
  readonly out: readonly (readonly number[])[]
  readonly in: readonly (readonly number[])[]
}

export function neighbours({ keys, links }: IslandInput): Neighbours {
  const out = keys.map((): number[] => [])
  const into = keys.map((): number[] => [])
  for (const [source, destination] of links) {
    if (source === destination) continue
    out[source]?.push(destination)
    into[destination]?.push(source)
  }
  return { out, in: into }
}

/**
 * Call depth: breadth first from the nodes nobody on the island calls. What only a cycle reaches starts from
 * its node that calls most and is called least. Nodes without links inside the island get -1.
 */
export function depths(near: Neighbours): Int32Array {
  const count = near.out.length
  const calls = (node: number) => near.out[node]?.length ?? 0
  const called = (node: number) => near.in[node]?.length ?? 0
  const depth = new Int32Array(count).fill(-1)
  const linked = Array.from({ length: count }, (_, node) => node).filter(
    node => calls(node) + called(node) > 0,
  )
  const spread = (start: readonly number[]) => {
    for (const node of start) depth[node] = 0
    const queue = [...start]
    for (const node of queue) {
      for (const next of near.out[node] ?? []) {
        if (depth[next] !== -1) continue
        depth[next] = (depth[node] ?? 0) + 1
        queue.push(next)
      }
    }
  }
  spread(linked.filter(node => called(node) === 0))
  const surplus = (node: number) => called(node) - calls(node)
  const rest = linked.filter(node => depth[node] === -1).sort((a, b) => surplus(a) - surplus(b) || a - b)
  for (const node of rest) if (depth[node] === -1) spread([node])
  return depth
}

/** Mean row of the neighbours, or the node's own row when it has none in sight. */
function barycentre(near: readonly number[] | undefined, row: Float64Array, own: number): number {
  if (!near || near.length === 0) return own
  let sum = 0
  for (const node of near) sum += row[node] ?? 0
  return sum / near.length
}

/** Sugiyama's sweeps: each level is sorted by where its neighbours on the other side are. Fewer crossings. */
function untangle(levels: number[][], near: Neighbours, count: number): void {
  const row = new Float64Array(count)
  const wish = new Float64Array(count)
  const place = (level: readonly number[]) =>
    level.forEach((node, index) => {
      row[node] = index - level.length / 2
    })
  levels.forEach(place)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0
    for (const level of forward ? levels : levels.toReversed()) {
      for (const node of level)
        wish[node] = barycentre((forward ? near.in : near.out)[node], row, row[node] ?? 0)
      level.sort((a, b) => (wish[a] ?? 0) - (wish[b] ?? 0) || a - b)
      place(level)
    }
  }
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}

/** Rows per column, so that the island comes out near the wanted shape. */
const rowLimit = (count: number): number =>
  Math.max(4, Math.ceil(Math.sqrt((count * (CARD.width + COLUMN_GAP)) / (ROW_PITCH * ASPECT))))

interface Grid {
  readonly columns: readonly { readonly nodes: readonly number[]; readonly gap: number }[]
  /** Nodes without links inside the island: rows of their own below the columns. */
  readonly loose: readonly number[]
}

function grid(input: IslandInput): Grid {
  const near = neighbours(input)
  const depth = depths(near)
  const levels = Array.from({ length: Math.max(-1, ...depth) + 1 }, (): number[] => [])
  const loose: number[] = []
  depth.forEach((level, node) => {
    if (level < 0) loose.push(node)
    else levels[level]?.push(node)
  })
  untangle(levels, near, depth.length)
  const rows = rowLimit(depth.length)
  const columns = levels.flatMap(level =>
    chunks(level, rows).map((nodes, fold) => ({ nodes, gap: fold === 0 ? DEPTH_GAP : COLUMN_GAP })),
  )
  const missing = Math.max(0, Math.ceil(loose.length / rows) - columns.length)
  return {
    columns: [...columns, ...Array.from({ length: missing }, () => ({ nodes: [], gap: COLUMN_GAP }))],
    loose,
  }
}

/** Columns by call depth; a deep level is folded into several columns. `keys` must be sorted. */
export function arrange(input: IslandInput): Arrangement {
  const { columns, loose } = grid(input)
  const x = new Float64Array(input.keys.length)
  const y = new Float64Array(input.keys.length)
  const tallest = Math.max(0, ...columns.map(column => column.nodes.length))
  const middles: number[] = []
  let left = PADDING
  columns.forEach(({ nodes, gap }, index) => {
    if (index > 0) left += gap
    const middle = left + CARD.width / 2
    middles.push(middle)
    const top = TITLE + ((tallest - nodes.length) * ROW_PITCH) / 2
    nodes.forEach((node, row) => {
      x[node] = middle
      y[node] = top + row * ROW_PITCH + CARD.height / 2
    })
    left += CARD.width
  })
  loose.forEach((node, index) => {
    x[node] = middles[index % middles.length] ?? 0
    y[node] = TITLE + (tallest + Math.floor(index / middles.length)) * ROW_PITCH + CARD.height / 2
  })
  const rows = Math.max(1, tallest + Math.ceil(loose.length / Math.max(1, middles.length)))
  return {
    x,
    y,
    width: Math.max(left, PADDING + CARD.width) + PADDING,
    height: TITLE + (rows - 1) * ROW_PITCH + CARD.height + PADDING,
  }
}
