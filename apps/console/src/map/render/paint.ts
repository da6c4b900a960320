import type { Outcome } from '@sekisho/core'
import { type Counts, sumCounts } from '../graph/graph.ts'
import { CARD } from '../layout/islands.ts'
import type { Camera, Size } from './camera.ts'
import type { Curve } from './curve.ts'
import { paintLabels } from './labels.ts'
import type { Scene } from './scene.ts'
import type { Theme } from './theme.ts'
import { cardAt, type World } from './world.ts'

/** The words on the canvas; everything else that is said on the map is DOM. */
export interface Words {
  /** On an audited or denied line: `37 denied`. */
  readonly badge: (outcome: Exclude<Outcome, 'allowed'>, count: number) => string
  readonly ports: (count: number) => string
}

export interface Brush {
  readonly context: CanvasRenderingContext2D
  readonly theme: Theme
  readonly words: Words
  readonly camera: Camera
  readonly size: Size
  readonly ratio: number
}

/** How a line says what happened, without its colour. Lengths in CSS pixels. */
const LINE = {
  allowed: { dash: [], thicker: 0 },
  audited: { dash: [8, 5], thicker: 0.5 },
  denied: { dash: [], thicker: 1.8 },
} as const satisfies Record<Outcome, { readonly dash: readonly number[]; readonly thicker: number }>

const DIMMED = 0.16
const ARROW = 8

interface Stroke {
  readonly curve: Curve
  readonly outcome: Outcome
  /** CSS pixels. */
  readonly width: number
  readonly dimmed: boolean
  readonly strong: boolean
  /** A line between islands where many are drawn: quieter, so that the islands stay in front. */
  readonly quiet: boolean
}

/** By magnitude, not by count: ten times the connections is one step wider. */
const widthOf = (connections: Counts, outcome: Outcome): number =>
  Math.round((1.1 + 0.6 * Math.log10(1 + sumCounts(connections)) + LINE[outcome].thicker) * 2) / 2

/** An aggregate is drawn as denied only when nothing in it passes; else its badge says how much was denied. */
export function outcomeOf({ allowed, audited, denied }: Counts): Outcome {
  if (allowed > 0) return 'allowed'
  if (audited > 0) return 'audited'
  return denied > 0 ? 'denied' : 'allowed'
}

function betweenIslands({ aggregates, emphasis, detail }: Scene): Stroke[] {
  return aggregates.map((aggregate): Stroke => {
    const outcome = outcomeOf(aggregate.connections)
    const strong = emphasis?.aggregates.has(aggregate) === true
    const width = widthOf(aggregate.connections, outcome)
    return {
      curve: aggregate.curve,
      outcome,
      width,
      strong,
      dimmed: emphasis !== undefined && !strong,
      quiet: detail === 'far' && outcome === 'allowed',
    }
  })
}

function single(world: World, { links, emphasis }: Scene): Stroke[] {
  return links.flatMap((index): Stroke[] => {
    const link = world.graph.links[index]
    if (!link) return []
    const strong = emphasis?.links.has(index) === true
    const width = widthOf(link.connections, link.outcome)
    return [
      {
        curve: world.curve(index),
        outcome: link.outcome,
        width,
        strong,
        dimmed: emphasis !== undefined && !strong,
        quiet: false,
      },
    ]
  })
}

/** One path per style: a few strokes per frame instead of one per line. */
function grouped(all: readonly Stroke[]): Stroke[][] {
  const groups = Map.groupBy(
    all,
    ({ outcome, width, dimmed, strong, quiet }) => `${dimmed}${strong}${quiet}${outcome}${width}`,
  )
  const rank = { allowed: 0, audited: 1, denied: 2 } as const
  const order = (group: readonly Stroke[]): number => {
    const [first] = group
    return first ? (first.dimmed ? 0 : 10) + (first.strong ? 10 : 0) + rank[first.outcome] : 0
  }
  return [...groups.values()].toSorted((a, b) => order(a) - order(b))
}

function arrow(context: CanvasRenderingContext2D, { x2, y2, x3, y3 }: Curve, length: number): void {
  const angle = Math.atan2(y3 - y2, x3 - x2)
  const [cos, sin] = [Math.cos(angle) * length, Math.sin(angle) * length]
  context.moveTo(x3, y3)
  context.lineTo(x3 - cos + sin * 0.5, y3 - sin - cos * 0.5)
  context.lineTo(x3 - cos * 0.72, y3 - sin * 0.72)
  context.lineTo(x3 - cos - sin * 0.5, y3 - sin + cos * 0.5)
  context.closePath()
}

function opacity({ dimmed, strong, quiet }: Stroke, forced: boolean): number {
  if (forced) return dimmed ? 0.5 : 1
  if (dimmed) return DIMMED
  return strong ? 1 : quiet ? 0.4 : 0.75
}

function paintGroup({ context, theme, camera }: Brush, group: readonly Stroke[]): void {
  const [style] = group
  if (!style) return
  const pixel = 1 / camera.k
  const thin = Math.min(1, Math.max(0.62, camera.k ** 0.3))
  context.globalAlpha = opacity(style, theme.forced)
  context.strokeStyle = context.fillStyle = theme[style.outcome]
  context.lineWidth = (style.width * thin + (style.strong ? 1 : 0)) * pixel
  context.setLineDash(LINE[style.outcome].dash.map(length => length * pixel))
  context.beginPath()
  for (const { curve: c } of group) {
    context.moveTo(c.x0, c.y0)
    context.bezierCurveTo(c.x1, c.y1, c.x2, c.y2, c.x3, c.y3)
  }
  context.stroke()
  context.setLineDash([])
  context.beginPath()
  for (const { curve } of group) arrow(context, curve, (ARROW * thin + style.width) * pixel)
  context.fill()
  context.globalAlpha = 1
}

function paintIslands({ context, theme, camera }: Brush, { islands }: Scene): void {
  context.lineWidth = 1.25 / camera.k
  context.strokeStyle = theme.islandLine
  for (const { x, y, width, height, outside } of islands) {
    context.fillStyle = outside ? theme.outside : theme.island
    context.beginPath()
    context.roundRect(x, y, width, height, Math.min(22, 16 / camera.k))
    context.fill()
    if (outside) context.setLineDash([2 / camera.k, 4 / camera.k])
    context.stroke()
    context.setLineDash([])
  }
}

/** Nodes without a card: small plates, one path for all that look alike, with names once these can be read. */
const isAlarming = ({ graph }: World, node: number): boolean =>
  (graph.totals[node]?.denied ?? 0) > 0 || graph.nodes[node]?.attack !== undefined

function paintNodes({ context, theme, camera }: Brush, world: World, scene: Scene): void {
  const carded = new Set(scene.cards)
  const { emphasis } = scene
  const faded = (node: number): boolean =>
    (world.shown !== undefined && !world.shown.has(node)) ||
    (emphasis !== undefined && !emphasis.nodes.has(node))
  const plain = scene.nodes.filter(node => !carded.has(node))
  const groups = Map.groupBy(plain, node =>
    faded(node) ? 'faded' : isAlarming(world, node) ? 'denied' : 'plain',
  )
  for (const [look, nodes] of groups) {
    context.globalAlpha = look === 'faded' && !theme.forced ? 0.45 : 1
    if (scene.detail === 'far') {
      paintBars(context, world, nodes, look === 'denied' ? theme.denied : theme.nodeLine)
      continue
    }
    context.fillStyle = theme.node
    context.strokeStyle = look === 'denied' ? theme.denied : theme.nodeLine
    context.lineWidth = Math.min((look === 'denied' ? 2 : 1.2) / camera.k, 9)
    context.beginPath()
    for (const node of nodes) {
      const { x, y, width, height } = cardAt(world, node)
      context.roundRect(x, y, width, height, 10)
    }
    context.fill()
    context.stroke()
    paintNames({ context, theme, camera }, world, nodes)
  }
  context.globalAlpha = 1
}

/** From afar a plate is a few pixels high: a plain bar, in one fill. */
function paintBars(
  context: CanvasRenderingContext2D,
  world: World,
  nodes: readonly number[],
  color: string,
): void {
  context.fillStyle = color
  context.beginPath()
  for (const node of nodes) {
    const { x, y, width, height } = cardAt(world, node)
    context.rect(x, y, width, height)
  }
  context.fill()
}

function paintNames(
  { context, theme, camera }: Pick<Brush, 'context' | 'theme' | 'camera'>,
  world: World,
  nodes: readonly number[],
): void {
  const size = Math.max(15, 9.5 / camera.k)
  const room = Math.floor((CARD.width - 16) / (size * 0.56))
  context.font = `500 ${size}px ${theme.font}`
  context.fillStyle = theme.text
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  for (const node of nodes) {
    const { name = '', attack } = world.graph.nodes[node] ?? {}
    const text = attack === undefined ? name : `⚠ ${name}`
    const fitting = text.length > room ? `${text.slice(0, room - 1)}…` : text
    context.fillText(fitting, world.x[node] ?? 0, (world.y[node] ?? 0) + size * 0.05)
  }
}

/** One complete frame. Cards and titles lie above it in the DOM. */
export function paint(brush: Brush, world: World, scene: Scene): void {
  const { context, camera, size, ratio } = brush
  context.setTransform(1, 0, 0, 1, 0, 0)
  context.clearRect(0, 0, size.width * ratio, size.height * ratio)
  const scale = camera.k * ratio
  context.setTransform(
    scale,
    0,
    0,
    scale,
    (size.width / 2) * ratio - camera.x * scale,
    (size.height / 2) * ratio - camera.y * scale,
  )
  // Lines between islands end at the shores: they pass below the islands on their way, as a tunnel would.
  for (const group of grouped(betweenIslands(scene))) paintGroup(brush, group)
  paintIslands(brush, scene)
  for (const group of grouped(single(world, scene))) paintGroup(brush, group)
  paintNodes(brush, world, scene)
  paintLabels(brush, world, scene)
}
