export interface Delta<K, V> {
  readonly added: ReadonlyMap<K, V>
  readonly changed: ReadonlyMap<K, V>
  readonly removed: ReadonlySet<K>
}

/** What must change for `actual` to become `desired`. Pure: the caller applies it. */
export function delta<K, V>(
  desired: ReadonlyMap<K, V>,
  actual: ReadonlyMap<K, V>,
  same: (a: V, b: V) => boolean,
): Delta<K, V> {
  const added = new Map<K, V>()
  const changed = new Map<K, V>()
  const removed = new Set<K>()
  for (const [key, value] of desired) {
    const old = actual.get(key)
    if (old === undefined && !actual.has(key)) added.set(key, value)
    else if (old === undefined || !same(old, value)) changed.set(key, value)
  }
  for (const key of actual.keys()) if (!desired.has(key)) removed.add(key)
  return { added, changed, removed }
}
