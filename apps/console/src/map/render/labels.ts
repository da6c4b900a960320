import type { Outcome } from '@sekisho/core'
import { type Point, type Rect, touching } from '../geometry.ts'
import type { Counts, Link } from '../graph/graph.ts'
import { portText } from '../graph/port.ts'
import { toScreen } from './camera.ts'
import { type Curve, pointOn } from './curve.ts'
import type { Brush, Words } from './paint.ts'
import type { Scene } from './scene.ts'
import { cardAt, type World } from './world.ts'

const SIZE = 11
const HEIGHT = 20
const ICON = 13
const PAD = 7
/** Beyond so many lines, ports are named only on what is emphasised. */
const PORTS = 60

interface Label {
  readonly outcome: Outcome
  /** From the longest to the shortest; the first that fits is shown. Empty is the mark alone. */
  readonly texts: readonly string[]
  readonly curve: Curve
  /** Of a line that the pointer or the selection is not about. */
  readonly dimmed: boolean
}

/** `5432 postgresql`, `53/UDP dns`, `3 ports`; without words the port alone. */
export function portsOf({ edges }: Pick<Link, 'edges'>, words?: Pick<Words, 'ports'>): string {
  const [edge, ...rest] = edges
  if (!edge) return ''
  const port = portText(edge)
  if (rest.length > 0) return words?.ports(edges.length) ?? `${port}…`
  return edge.application === undefined || !words ? port : `${port} ${edge.application}`
}

const compact = (count: number): string => (count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`)

function alarm({ denied, audited }: Counts, words: Words | undefined): Pick<Label, 'outcome' | 'texts'>[] {
  const outcome = denied > 0 ? 'denied' : audited > 0 ? 'audited' : undefined
  if (!outcome) return []
  const count = outcome === 'denied' ? denied : audited
  return [{ outcome, texts: [...(words ? [words.badge(outcome, count)] : []), compact(count), ''] }]
}

/** What is emphasised first, then denied, audited, ports: where two labels collide, the first stays. */
function labels({ words, camera }: Brush, world: World, scene: Scene): Label[] {
  const far = scene.detail === 'far'
  const near = scene.detail === 'near'
  const list: Label[] = []
  const { emphasis } = scene
  for (const aggregate of scene.aggregates) {
    const strong = emphasis?.aggregates.has(aggregate) === true
    // From afar only alarms: what is audited inside a line that also carries allowed traffic can wait for a look.
    for (const found of alarm(aggregate.connections, near ? words : undefined))
      if (found.outcome === 'denied' || !far || strong)
        list.push({ ...found, curve: aggregate.curve, dimmed: emphasis !== undefined && !strong })
  }
  const all = scene.links.length <= PORTS && camera.k > 0.5
  for (const index of scene.links) {
    const link = world.graph.links[index]
    if (!link) continue
    const curve = world.curve(index)
    const strong = emphasis?.links.has(index) === true
    const dimmed = emphasis !== undefined && !strong
    const alarms = alarm(link.connections, near ? words : undefined)
    for (const found of alarms) list.push({ ...found, curve, dimmed })
    const named = emphasis ? strong && emphasis.links.size <= PORTS : all
    if (alarms.length === 0 && named && !far)
      list.push({ outcome: 'allowed', curve, dimmed, texts: [portsOf(link, words), portsOf(link)] })
  }
  const rank = { denied: 0, audited: 1, allowed: 2 } as const
  return list.toSorted((a, b) => Number(a.dimmed) - Number(b.dimmed) || rank[a.outcome] - rank[b.outcome])
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

interface Placed {
  readonly box: Rect
  readonly text: string
}

function paintLabel(brush: Brush, { outcome, dimmed }: Label, { box, text }: Placed): void {
  const { context, theme } = brush
  context.globalAlpha = dimmed && !theme.forced ? 0.45 : 1
  context.fillStyle = theme.label
  context.strokeStyle = outcome === 'allowed' ? theme.labelLine : theme[outcome]
  context.lineWidth = outcome === 'allowed' ? 1 : 1.5
  context.beginPath()
  context.roundRect(box.x, box.y, box.width, box.height, HEIGHT / 2)
  context.fill()
  context.stroke()
  const middle = box.y + HEIGHT / 2
  const left = text === '' ? (HEIGHT - ICON) / 2 : PAD
  if (outcome !== 'allowed') icon(brush, outcome, { x: box.x + left + ICON / 2, y: middle })
  context.fillStyle = outcome === 'allowed' ? theme.text : theme[outcome]
  context.fillText(text, box.x + PAD + (outcome === 'allowed' ? 0 : ICON + 4), middle + 0.5)
}

const STOPS = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8] as const

function widthOf({ context }: Brush, { outcome }: Label, text: string): number {
  if (text === '') return HEIGHT
  return context.measureText(text).width + 2 * PAD + (outcome === 'allowed' ? 0 : ICON + 4)
}

/** The longest text at the first place along the curve that is on the screen and free. */
function placed(brush: Brush, label: Label, taken: readonly Rect[]): Placed | undefined {
  const { camera, size } = brush
  const screen = { x: 0, y: 0, ...size }
  const points = STOPS.map(t => toScreen(camera, size, pointOn(label.curve, t)))
  const { x0, y0, x3, y3 } = label.curve
  const length = Math.hypot(x3 - x0, y3 - y0) * camera.k
  for (const text of label.texts) {
    const width = widthOf(brush, label, text)
    // A port's name must not hide the line it names.
    if (label.outcome === 'allowed' && width > length * 0.72) continue
    for (const { x, y } of points) {
      const box = { x: x - width / 2, y: y - HEIGHT / 2, width, height: HEIGHT }
      if (!touching(box, screen)) continue
      if (!taken.some(other => touching(box, other))) return { box, text }
    }
  }
  return label.outcome === 'denied' ? mark(brush, label.curve) : undefined
}

/** A denied line is marked even where there is no room, near its end: better over something else than unseen. */
function mark({ camera, size }: Brush, curve: Curve): Placed {
  const { x, y } = toScreen(camera, size, pointOn(curve, 0.94))
  return { box: { x: x - HEIGHT / 2, y: y - HEIGHT / 2, width: HEIGHT, height: HEIGHT }, text: '' }
}

/** What labels must not lie under or over: cards while they are near, whole islands from afar. */
function obstacles({ camera, size }: Brush, world: World, scene: Scene): Rect[] {
  const solid: readonly Rect[] =
    scene.detail === 'near'
      ? scene.nodes.map(node => cardAt(world, node))
      : scene.detail === 'far'
        ? scene.islands
        : []
  return solid.map(rect => ({
    ...toScreen(camera, size, rect),
    width: rect.width * camera.k,
    height: rect.height * camera.k,
  }))
}

/** Labels keep their size on the screen whatever the zoom. */
export function paintLabels(brush: Brush, world: World, scene: Scene): void {
  const { context, theme, ratio } = brush
  context.save()
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.font = `600 ${SIZE}px ${theme.font}`
  context.textAlign = 'left'
  context.textBaseline = 'middle'
  const taken = obstacles(brush, world, scene)
  for (const label of labels(brush, world, scene)) {
    const place = placed(brush, label, taken)
    if (!place) continue
    taken.push(place.box)
    paintLabel(brush, label, place)
  }
  context.restore()
}
