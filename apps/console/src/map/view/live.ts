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
  /** Fixed ends, or paused by the reader: nothing moves. */
  readonly still: boolean
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

export function useLiveMap({ query, still, onActive }: Options): LiveMap {
  const fetched = useMap(query)
  const [patched, setPatched] = useState<{ readonly base: MapView; readonly view: MapView }>()
  const [frozen, setFrozen] = useState<MapView>()
  const [denied, addDenied] = useThrottledSum()
  const base = fetched.data
  const current = patched && patched.base === base ? patched.view : base
  // A paused map keeps what it showed when it was paused; a changed window or page unmounts that with the rest.
  if (still && frozen === undefined && current !== undefined) setFrozen(current)
  if (!still && frozen !== undefined) setFrozen(undefined)

  useLiveMessages(message => {
    if (message.kind !== 'flows' || still || base === undefined || current === undefined) return
    const result = patch(current, message.flows)
    if (result.active.length === 0) return
    setPatched({ base, view: result.view })
    onActive(result.active)
    addDenied(result.denied)
  })
  return { query: fetched, view: still ? (frozen ?? current) : current, denied }
}
