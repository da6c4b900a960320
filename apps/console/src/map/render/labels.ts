import type { Outcome } from '@sekisho/core'
import { type Point, type Rect, touching } from '../geometry.ts'
import type { Counts, Link } from '../graph/graph.ts'
import { toScreen } from './camera.ts'
import { type Curve, pointOn } from './curve.ts'
import type { Brush, Words } from './paint.ts'
import type { Scene } from './scene.ts'
import type { World } from './world.ts'

const SIZE = 11
const HEIGHT = 20
const ICON = 13
const PAD = 7
/** Beyond so many lines, ports are named only on what is emphasised. */
const PORTS = 60

interface Label {
  readonly outcome: Outcome
  readonly text: string
  readonly curve: Curve
}

/** `5432 postgresql`, `53/UDP dns`, `3 ports`. */
export function portsOf(link: Pick<Link, 'edges'>, words: Pick<Words, 'ports'>): string {
  const [edge, ...rest] = link.edges
  if (!edge) return ''
  if (rest.length > 0) return words.ports(link.edges.length)
  const protocol = edge.protocol === 'TCP' ? '' : `/${edge.protocol}`
  const port = edge.port === 0 && protocol ? edge.protocol : `${edge.port}${protocol}`
  return edge.application === undefined ? port : `${port} ${edge.application}`
}

function alarm(connections: Counts, curve: Curve, words: Words | undefined): Label[] {
  const { denied, audited } = connections
  if (denied > 0)
    return [{ outcome: 'denied', curve, text: words?.badge('denied', denied) ?? compact(denied) }]
  if (audited > 0)
    return [{ outcome: 'audited', curve, text: words?.badge('audited', audited) ?? compact(audited) }]
  return []
}

const compact = (count: number): string => (count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`)

/** Denied first, then audited, then ports: where two labels collide, the first stays. */
function labels({ words, camera }: Brush, world: World, scene: Scene): Label[] {
  const worded = scene.detail === 'far' ? undefined : words
  const list: Label[] = []
  for (const { connections, curve } of scene.aggregates) list.push(...alarm(connections, curve, worded))
  const all = scene.links.length <= PORTS && camera.k > 0.6
  for (const index of scene.links) {
    const link = world.graph.links[index]
    if (!link) continue
    const curve = world.curve(index)
    const strong = scene.emphasis?.links.has(index) === true
    const alarms = alarm(link.connections, curve, worded)
    list.push(...alarms)
    const bare = scene.emphasis === undefined ? all : strong && scene.emphasis.links.size <= PORTS
    if (alarms.length === 0 && bare && scene.detail !== 'far')
      list.push({ outcome: 'allowed', curve, text: portsOf(link, words) })
  }
  const rank = { denied: 0, audited: 1, allowed: 2 } as const
  return list.toSorted((a, b) => rank[a.outcome] - rank[b.outcome])
}

/** ✕ in a disc, or an eye: drawn, not typed, so that they are the same in every font. */
function icon({ context, theme }: Brush, outcome: Exclude<Outcome, 'allowed'>, { x, y }: Point): void {
  const r = ICON / 2
  context.strokeStyle = theme[outcome]
  context.lineWidth = 1.8
  context.beginPath()
  switch (outcome) {
    case 'denied':
      context.moveTo(x - r * 0.6, y - r * 0.6)
      context.lineTo(x + r * 0.6, y + r * 0.6)
      context.moveTo(x + r * 0.6, y - r * 0.6)
      context.lineTo(x - r * 0.6, y + r * 0.6)
      break
    case 'audited':
      context.ellipse(x, y, r * 0.95, r * 0.58, 0, 0, Math.PI * 2)
      context.moveTo(x + r * 0.25, y)
      context.arc(x, y, r * 0.25, 0, Math.PI * 2)
      break
  }
  context.stroke()
}

function paintLabel(brush: Brush, label: Label, box: Rect): void {
  const { context, theme } = brush
  context.fillStyle = theme.label
  context.strokeStyle = label.outcome === 'allowed' ? theme.labelLine : theme[label.outcome]
  context.lineWidth = label.outcome === 'allowed' ? 1 : 1.5
  context.beginPath()
  context.roundRect(box.x, box.y, box.width, box.height, HEIGHT / 2)
  context.fill()
  context.stroke()
  const middle = box.y + HEIGHT / 2
  const iconRoom = label.outcome === 'allowed' ? 0 : ICON + 4
  if (label.outcome !== 'allowed') icon(brush, label.outcome, { x: box.x + PAD + ICON / 2, y: middle })
  context.fillStyle = label.outcome === 'allowed' ? theme.text : theme[label.outcome]
  context.fillText(label.text, box.x + PAD + iconRoom, middle + 0.5)
}

/** The first place along the curve that is on the screen and free; a denied or audited label may cover others. */
function placeFor(brush: Brush, label: Label, width: number, taken: readonly Rect[]): Rect | undefined {
  const { camera, size } = brush
  const screen = { x: 0, y: 0, ...size }
  const boxes = [0.5, 0.36, 0.64, 0.24, 0.76].map(t => {
    const { x, y } = toScreen(camera, size, pointOn(label.curve, t))
    return { x: x - width / 2, y: y - HEIGHT / 2, width, height: HEIGHT }
  })
  const seen = boxes.filter(box => touching(box, screen))
  const free = seen.find(box => !taken.some(other => touching(box, other)))
  return free ?? (label.outcome === 'denied' ? seen[0] : undefined)
}

/** Labels keep their size on the screen whatever the zoom. */
export function paintLabels(brush: Brush, world: World, scene: Scene): void {
  const { context, theme, ratio } = brush
  context.save()
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.font = `600 ${SIZE}px ${theme.font}`
  context.textAlign = 'left'
  context.textBaseline = 'middle'
  const taken: Rect[] = []
  for (const label of labels(brush, world, scene)) {
    const width =
      context.measureText(label.text).width + 2 * PAD + (label.outcome === 'allowed' ? 0 : ICON + 4)
    const box = placeFor(brush, label, width, taken)
    if (!box) continue
    taken.push(box)
    paintLabel(brush, label, box)
  }
  context.restore()
}
