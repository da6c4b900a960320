/** Colours of the canvas, from the CSS tokens of `map.css`: one source for light, dark and forced colours. */
const TOKENS = {
  island: '--map-island',
  islandLine: '--map-island-line',
  outside: '--map-outside',
  node: '--map-node',
  nodeLine: '--map-node-line',
  text: '--map-text',
  faint: '--map-faint',
  allowed: '--map-allowed',
  audited: '--map-audited',
  denied: '--map-denied',
  accent: '--map-accent',
  label: '--map-label',
  labelLine: '--map-label-line',
} as const

export type Theme = Readonly<Record<keyof typeof TOKENS, string>> & {
  readonly font: string
  /** Colours are the system's own: nothing may be told by shade, and nothing is drawn half transparent. */
  readonly forced: boolean
}

/** The tokens are registered as colours (`@property`), so that the computed value is one the canvas can read. */
export function readTheme(element: HTMLElement): Theme {
  const style = getComputedStyle(element)
  const color = (token: string) => style.getPropertyValue(token).trim()
  const colors = Object.fromEntries(Object.entries(TOKENS).map(([name, token]) => [name, color(token)]))
  return {
    // Made from TOKENS, so it has exactly its keys.
    ...(colors as Record<keyof typeof TOKENS, string>),
    font: style.fontFamily,
    forced: matchMedia('(forced-colors: active)').matches,
  }
}

/** Calls back when the page or the system changes its colours. */
export function watchTheme(changed: () => void): Disposable {
  const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map(query => matchMedia(query))
  for (const query of queries) query.addEventListener('change', changed)
  const attributes = new MutationObserver(changed)
  attributes.observe(document.documentElement, { attributes: true })
  return {
    [Symbol.dispose]() {
      for (const query of queries) query.removeEventListener('change', changed)
      attributes.disconnect()
    },
  }
}
