import {
  type KeyboardEvent,
  type Ref,
  useEffect,
  useEffectEvent,
  useId,
  useImperativeHandle,
  useRef,
  useState,
} from 'react'
import { useI18n } from '../../i18n/index.ts'
import { Icon, isComposing } from '../../ui/index.ts'
import type { Camera } from '../render/camera.ts'
import { Renderer } from '../render/renderer.ts'
import type { Scene } from '../render/scene.ts'
import type { Way } from '../render/walk.ts'
import type { World } from '../render/world.ts'
import { formatTarget, type Target } from '../target.ts'
import { Legend } from './Legend.tsx'
import { mapWords } from './words.ts'

/** What the page may ask of the map on the screen. */
export interface MapHandle {
  readonly pulse: (keys: readonly string[]) => void
  readonly fit: () => void
  readonly reveal: (target: Target) => void
  readonly focusOn: (target: Target) => void
}

interface MapCanvasProps {
  readonly ref: Ref<MapHandle>
  readonly world: World
  readonly selection: Target | undefined
  /** From the address; only read when the map appears. */
  readonly camera: Camera | undefined
  readonly onSelect: (target: Target | undefined) => void
  readonly onMove: (camera: Camera) => void
}

const WAYS: Readonly<Record<string, Way>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
}

const DIRECTIONS: Readonly<Record<string, 1 | -1>> = { '+': 1, '=': 1, '-': -1, '−': -1 }

/** How much of the traffic is on the screen as lines of its own or of two islands. */
function linesDrawn(scene: Scene): number {
  const between = scene.aggregates.reduce((sum, aggregate) => sum + aggregate.links.length, 0)
  return scene.links.length + between
}

export function MapCanvas({ ref, world, selection, camera, onSelect, onMove }: MapCanvasProps) {
  const i18n = useI18n()
  const { t } = i18n
  const host = useRef<HTMLDivElement>(null)
  const renderer = useRef<Renderer>(undefined)
  const instructions = useId()
  const [lines, setLines] = useState(0)
  const select = useEffectEvent(onSelect)
  const move = useEffectEvent(onMove)
  const drawn = useEffectEvent((next: number) => {
    if (next !== lines) setLines(next)
  })
  const first = useEffectEvent(() => ({ camera, words: mapWords(i18n) }))

  useEffect(() => {
    const element = host.current
    if (!element) return
    const start = first()
    const made = new Renderer(element, start.words, {
      selected: target => select(target),
      moved: to => move(to),
      drawn: scene => drawn(linesDrawn(scene)),
    })
    if (start.camera) made.setCamera(start.camera)
    renderer.current = made
    return () => {
      renderer.current = undefined
      made[Symbol.dispose]()
    }
  }, [])
  useEffect(() => renderer.current?.setWords(mapWords(i18n)), [i18n])
  useEffect(() => renderer.current?.setWorld(world), [world])
  useEffect(() => renderer.current?.setSelection(selection), [selection])
  useImperativeHandle(ref, () => ({
    pulse: keys => renderer.current?.pulse(keys),
    fit: () => renderer.current?.fit(),
    reveal: target => renderer.current?.reveal(target),
    focusOn: target => renderer.current?.focusOn(target),
  }))

  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event) || event.ctrlKey || event.metaKey || event.altKey) return
    const way = WAYS[event.key]
    const zoom = DIRECTIONS[event.key]
    if (way) renderer.current?.walk(way)
    else if (zoom) renderer.current?.zoom(zoom)
    else if (event.key === '0') renderer.current?.fit()
    else if (event.key === 'Escape' && selection) onSelect(undefined)
    else return
    event.preventDefault()
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for form controls; these are places on a map
    <div
      className="map"
      role="group"
      aria-label={t.map.label}
      aria-describedby={instructions}
      onKeyDown={onKeyDown}
    >
      <p id={instructions} className="visually-hidden">
        {t.map.instructions}
      </p>
      <div ref={host} className="map-surface" data-selected={selection && formatTarget(selection)} />
      <div className="map-controls">
        <button
          type="button"
          onClick={() => renderer.current?.zoom(1)}
          aria-label={t.map.zoom.in}
          title={`${t.map.zoom.in} (+)`}
        >
          <Icon name="plus" />
        </button>
        <button
          type="button"
          onClick={() => renderer.current?.zoom(-1)}
          aria-label={t.map.zoom.out}
          title={`${t.map.zoom.out} (−)`}
        >
          <MinusIcon />
        </button>
        <button
          type="button"
          onClick={() => renderer.current?.fit()}
          aria-label={t.map.zoom.fit}
          title={`${t.map.zoom.fit} (0)`}
        >
          <FitIcon />
        </button>
      </div>
      <Legend drawn={lines} all={world.graph.links.length} />
    </div>
  )
}

const stroke = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.5, strokeLinecap: 'round' } as const

const MinusIcon = () => (
  <svg className="icon" aria-hidden="true" width="16" height="16" viewBox="0 0 16 16" {...stroke}>
    <path d="M3 8h10" />
  </svg>
)
const FitIcon = () => (
  <svg className="icon" aria-hidden="true" width="16" height="16" viewBox="0 0 16 16" {...stroke}>
    <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />
  </svg>
)
