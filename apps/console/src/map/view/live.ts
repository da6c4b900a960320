import type { MapView } from '@sekisho/control'
import { useEffect, useRef, useState } from 'react'
import { type Query, useLiveMessages, useMap } from '../../api/index.ts'
import { patch } from '../graph/live.ts'

/** A screen reader is told of new denied connections at most this often. */
const ANNOUNCE_MS = 10_000

export interface LiveMap {
  readonly query: ReturnType<typeof useMap>
  /** The server's view with the flows since added to it; the last one while a new one is fetched. */
  readonly view: MapView | undefined
  /** New denied connections to tell of; 0 when there is nothing to say. */
  readonly denied: number
}

interface Options {
  readonly query: Query
  /** Fixed ends: what happens now does not belong there. */
  readonly fixed: boolean
  /** By the reader: nothing changes until it is resumed, or something else is asked for. */
  readonly paused: boolean
  /** Keys of edges that had traffic just now. */
  readonly onActive: (keys: readonly string[]) => void
}

/** Sums up denied connections and lets the sum out at most every `ANNOUNCE_MS`. */
function useThrottledSum(): readonly [number, (more: number) => void] {
  const [told, setTold] = useState(0)
  const waiting = useRef(0)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const tell = (): void => {
    timer.current = undefined
    setTold(waiting.current)
    if (waiting.current > 0) timer.current = setTimeout(tell, ANNOUNCE_MS)
    waiting.current = 0
  }
  const add = (more: number): void => {
    if (more === 0) return
    waiting.current += more
    if (timer.current === undefined) tell()
  }
  return [told, add]
}

interface Frozen {
  readonly asked: string
  readonly view: MapView
}

/** The view as it was when it was paused; a paused page still answers when another window is asked for. */
function useFrozen(asked: string, view: MapView | undefined, paused: boolean): MapView | undefined {
  const [frozen, setFrozen] = useState<Frozen>()
  if (!paused) {
    if (frozen) setFrozen(undefined)
    return view
  }
  if (frozen?.asked === asked) return frozen.view
  if (view) setFrozen({ asked, view })
  return view
}

export function useLiveMap({ query, fixed, paused, onActive }: Options): LiveMap {
  const fetched = useMap(query)
  const [patched, setPatched] = useState<{ readonly base: MapView; readonly view: MapView }>()
  const [denied, addDenied] = useThrottledSum()
  const base = fetched.data
  const current = patched && patched.base === base ? patched.view : base
  // While another window is fetched the last one is still shown: that one is not what was asked for.
  const answer = fetched.isPlaceholderData ? undefined : current
  const view = useFrozen(JSON.stringify(query), answer, paused) ?? current

  useLiveMessages(message => {
    if (message.kind !== 'flows' || fixed || paused || base === undefined || current === undefined) return
    const result = patch(current, message.flows)
    if (result.active.length === 0) return
    setPatched({ base, view: result.view })
    onActive(result.active)
    addDenied(result.denied)
  })
  return { query: fetched, view, denied }
}
