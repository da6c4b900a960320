import type { MapView } from '@sekisho/control'
import { type FilterTerm, parseFilter } from '@sekisho/core'
import { useEffect, useMemo, useState } from 'react'
import { filtered, matchingNodes } from '../graph/filter.ts'
import { type Graph, graph } from '../graph/graph.ts'
import { type LayoutClient, layoutClient } from '../layout/client.ts'
import { type Laid, laid, layoutInput, needsLayout } from '../layout/input.ts'
import { type World, world } from '../render/world.ts'

/** What map, table and panel show: one source for all three. */
export interface MapModel {
  /** Only what the filter lets through. */
  readonly view: MapView
  readonly graph: Graph
  readonly terms: readonly FilterTerm[]
  /** Keys of the nodes that the filter lets through; undefined without a filter. */
  readonly matching: ReadonlySet<string> | undefined
  /** Undefined until the first layout has arrived. */
  readonly world: World | undefined
}

/** A filter that is not understood shows nothing, as it would on the server: filters never silently widen. */
const NOTHING: readonly FilterTerm[] = [{ key: 'text', value: '\u0000', not: false }]

function useLaid(whole: Graph | undefined): Laid | undefined {
  const [client, setClient] = useState<LayoutClient>()
  const [state, setState] = useState<Laid>()
  const [failure, setFailure] = useState<unknown>()
  if (failure !== undefined) throw failure
  useEffect(() => {
    const made = layoutClient()
    setClient(made)
    return () => made[Symbol.dispose]()
  }, [])
  useEffect(() => {
    if (!client || !whole || !needsLayout(whole, state)) return
    const links = whole.links.length
    client.layout(layoutInput(whole)).then(
      layout => layout && setState(laid(layout, links)),
      (error: unknown) => setFailure(error),
    )
  }, [client, whole, state])
  return state
}

export function useMapModel(all: MapView | undefined, filter: string): MapModel | undefined {
  const terms = useMemo(() => {
    const parsed = parseFilter(filter)
    return parsed.ok ? parsed.value : NOTHING
  }, [filter])
  const whole = useMemo(() => all && graph(all), [all])
  const places = useLaid(whole)
  return useMemo(() => {
    if (!all || !whole) return undefined
    const view = filtered(all, terms)
    const drawn = view === all ? whole : graph(view)
    const matching = terms.length === 0 ? undefined : matchingNodes(all, view, terms)
    const shown =
      matching && new Set(drawn.nodes.flatMap((node, index) => (matching.has(node.key) ? [index] : [])))
    return { view, graph: drawn, terms, matching, world: places && world(drawn, places, shown) }
  }, [all, whole, terms, places])
}
