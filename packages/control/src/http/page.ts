import type { Page, PageRequest } from '@sekisho/store'

/** A page of a list that is in memory, by key: cursors stay right when items come and go. */
export function listPage<T>(
  items: readonly T[],
  { cursor, limit }: PageRequest,
  key: (item: T) => string,
): Page<T> {
  const after = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString()
  const sorted = items.toSorted((a, b) => compare(key(a), key(b)))
  const rest = after === undefined ? sorted : sorted.filter(item => compare(key(item), after) > 0)
  const shown = rest.slice(0, limit)
  const last = shown.at(-1)
  const more = rest.length > shown.length && last !== undefined
  return { items: shown, next: more ? Buffer.from(key(last)).toString('base64url') : undefined }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
