import { BoundedMap } from '@sekisho/core'
import type { FlowQuery, Judgement } from '@sekisho/policy'
import { type Attribution, type EdgeEnds, endsKey } from './edge.ts'

/** Nothing is known against it: it passed before any policy was enforced. */
const BEFORE_POLICY: Attribution = { outcome: 'allowed', why: 'not-selected' }

interface Known {
  readonly epoch: number
  readonly attribution: Attribution | undefined
}

/** It passes while it is read: the answer is the one of inspection, see `Spoken`. */
const INSPECTING: Attribution = { outcome: 'allowed', why: 'inspecting' }

export function attributionOf({ outcome, decision: { direction, by, why } }: Judgement): Attribution {
  return { outcome, why, ...(direction && { direction }), ...(by && { by }) }
}

const isSame = (a: Attribution, b: Attribution): boolean =>
  a.outcome === b.outcome && a.why === b.why && a.by === b.by && a.direction === b.direction

/** Why traffic that passes may pass: asked of the policies once per edge and model, and kept, bounded. */
export interface Attributions {
  /**
   * Of traffic that passed here; undefined when it is denied at its destination's node, which will tell. What the
   * policies of this node deny by now passed under those before: it keeps their answer.
   */
  passing(ends: EdgeEnds): Attribution | undefined
  /** The kernel said so. @returns whether that is another answer. */
  set(ends: EdgeEnds, attribution: Attribution): boolean
  modelChanged(): void
}

export interface AttributionOptions {
  readonly capacity: number
  judge(query: FlowQuery): Judgement
  /** Whether the destination is a workload of another node. */
  isRemote(ends: EdgeEnds): boolean
}

export function createAttributions({ capacity, judge, isRemote }: AttributionOptions): Attributions {
  const all = new BoundedMap<string, Known>(capacity)
  let epoch = 0
  function put(key: string, attribution: Attribution | undefined): Attribution | undefined {
    all.set(key, { epoch, attribution })
    return attribution
  }
  return {
    passing(ends) {
      const key = endsKey(ends)
      const known = all.get(key)
      if (known?.epoch === epoch) return known.attribution
      const judged = judge(ends)
      if (judged.outcome !== 'allowed' && judged.decision.inspect) return put(key, INSPECTING)
      if (judged.outcome !== 'denied') return put(key, attributionOf(judged))
      return put(key, isRemote(ends) ? undefined : (known?.attribution ?? BEFORE_POLICY))
    },
    set(ends, attribution) {
      const key = endsKey(ends)
      const known = all.get(key)?.attribution
      put(key, attribution)
      return !known || !isSame(known, attribution)
    },
    modelChanged() {
      epoch++
    },
  }
}
