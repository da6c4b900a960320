/**
 * Who wants which object in the table. Several owners may want the same one (the counter of a rule that is in two
 * chains), and two may want it differently (an address that goes from a finished workload to a new one): then the
 * first owner by name wins, so that the result depends on who claims, never on the order in which they came.
 */
export interface Claims<Value> {
  add(key: string, owner: string, value: Value): void
  remove(key: string, owner: string): void
  get(key: string): Value | undefined
  values(): Value[]
  /** What differs from the last call. */
  takeChanges(same: (before: Value, after: Value) => boolean): Changes<Value>
}

export interface Changes<Value> {
  readonly added: Value[]
  readonly removed: Value[]
  readonly changed: (readonly [before: Value, after: Value])[]
}

function winner<Value>(owners: ReadonlyMap<string, Value> | undefined): Value | undefined {
  if (owners === undefined) return undefined
  let first: string | undefined
  for (const owner of owners.keys()) if (first === undefined || owner < first) first = owner
  return first === undefined ? undefined : owners.get(first)
}

export function createClaims<Value>(): Claims<Value> {
  const all = new Map<string, Map<string, Value>>()
  let touched = new Map<string, Value | undefined>()
  const touch = (key: string): void => {
    if (!touched.has(key)) touched.set(key, winner(all.get(key)))
  }
  return {
    add(key, owner, value) {
      touch(key)
      const owners = all.get(key)
      if (owners) owners.set(owner, value)
      else all.set(key, new Map([[owner, value]]))
    },
    remove(key, owner) {
      touch(key)
      const owners = all.get(key)
      owners?.delete(owner)
      if (owners?.size === 0) all.delete(key)
    },
    get: key => winner(all.get(key)),
    values: () => [...all.values()].map(winner).filter(value => value !== undefined),
    takeChanges(same) {
      const changes: Changes<Value> = { added: [], removed: [], changed: [] }
      for (const [key, before] of touched) {
        const after = winner(all.get(key))
        if (before === undefined && after !== undefined) changes.added.push(after)
        else if (before !== undefined && after === undefined) changes.removed.push(before)
        else if (before !== undefined && after !== undefined && !same(before, after)) {
          changes.changed.push([before, after])
        }
      }
      touched = new Map()
      return changes
    },
  }
}
