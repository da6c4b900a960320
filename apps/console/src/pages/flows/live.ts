import type { FlowView } from '@sekisho/control'
import { compileFilter, parseFilter } from '@sekisho/core'
import { useMemo, useRef, useState } from 'react'
import { useLiveMessages } from '../../api/index.ts'

/** As many live flows are kept as can be read; older ones come from the server by paging. */
export const MOST_LIVE = 5_000

/** Newest first; a later record of the same flow takes the place of the earlier. */
export function merge(
  newer: readonly FlowView[],
  older: readonly FlowView[],
  most = Number.POSITIVE_INFINITY,
): readonly FlowView[] {
  const seen = new Set(newer.map(flow => flow.id))
  const all = [...newer, ...older.filter(flow => !seen.has(flow.id))]
  const sorted = all.toSorted((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0))
  return sorted.length > most ? sorted.slice(0, most) : sorted
}

export interface LiveFlows {
  readonly shown: readonly FlowView[]
  /** Arrived while the list was held still. */
  readonly waiting: number
  readonly release: () => void
}

interface Buffers {
  readonly filter: string
  readonly shown: readonly FlowView[]
  readonly waiting: readonly FlowView[]
}

const empty = (filter: string): Buffers => ({ filter, shown: [], waiting: [] })

/**
 * Flows of the event stream that match the filter.
 * @param held nothing may move: paused, or someone is reading further down.
 */
export function useLiveFlows(filter: string, held: boolean): LiveFlows {
  const [kept, setBuffers] = useState(() => empty(filter))
  // What was collected for another filter says nothing about this one.
  const buffers = kept.filter === filter ? kept : empty(filter)
  const matches = useMemo(() => {
    const terms = parseFilter(filter)
    return terms.ok ? compileFilter(terms.value) : () => false
  }, [filter])
  const isHeld = useRef(held)
  isHeld.current = held

  useLiveMessages(message => {
    if (message.kind !== 'flows') return
    const fresh = message.flows.filter(matches)
    if (fresh.length === 0) return
    setBuffers(before => {
      const { shown, waiting } = before.filter === filter ? before : empty(filter)
      return isHeld.current
        ? { filter, shown, waiting: merge(fresh, waiting, MOST_LIVE) }
        : { filter, shown: merge(merge(fresh, waiting), shown, MOST_LIVE), waiting: [] }
    })
  })

  return {
    shown: buffers.shown,
    waiting: buffers.waiting.length,
    release: () =>
      setBuffers({ filter, shown: merge(buffers.waiting, buffers.shown, MOST_LIVE), waiting: [] }),
  }
}
