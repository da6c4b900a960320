/** Something on the map that can be pointed at, focused, selected and linked to; by key, so that it outlives a refetch. */
export type Target =
  | { readonly kind: 'node'; readonly key: string }
  | { readonly kind: 'island'; readonly name: string }
  | { readonly kind: 'link'; readonly source: string; readonly destination: string }
  | { readonly kind: 'aggregate'; readonly source: string; readonly destination: string }

const PREFIX = { node: 'n', island: 'i', link: 'l', aggregate: 'a' } as const satisfies Record<
  Target['kind'],
  string
>

/** One target as text, for the URL and for comparing. `>` is never left unescaped in a key. */
export function formatTarget(target: Target): string {
  const prefix = PREFIX[target.kind]
  switch (target.kind) {
    case 'node':
      return `${prefix}:${encodeURIComponent(target.key)}`
    case 'island':
      return `${prefix}:${encodeURIComponent(target.name)}`
    case 'link':
    case 'aggregate':
      return `${prefix}:${encodeURIComponent(target.source)}>${encodeURIComponent(target.destination)}`
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined // a lone % in a mistyped address
  }
}

/** The reverse of `formatTarget`; undefined for a text that is not one. */
export function parseTarget(text: string): Target | undefined {
  const parts = text.slice(2).split('>').map(decoded)
  const [first, second] = parts
  if (text[1] !== ':' || !first || parts.length > 2) return undefined
  switch (text[0]) {
    case PREFIX.node:
      return second === undefined ? { kind: 'node', key: first } : undefined
    case PREFIX.island:
      return second === undefined ? { kind: 'island', name: first } : undefined
    case PREFIX.link:
      return second ? { kind: 'link', source: first, destination: second } : undefined
    case PREFIX.aggregate:
      return second ? { kind: 'aggregate', source: first, destination: second } : undefined
    default:
      return undefined
  }
}

export const sameTarget = (a: Target | undefined, b: Target | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && formatTarget(a) === formatTarget(b))
