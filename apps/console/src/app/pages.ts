import type { IconName } from '../ui/index.ts'

/** The pages in the order of the navigation; the names are keys of `app.nav` in the dictionaries. */
export const PAGES = [
  ['/', 'overview'],
  ['/map', 'map'],
  ['/flows', 'flows'],
  ['/policies', 'policies'],
  ['/events', 'events'],
  ['/agents', 'agents'],
  ['/audit', 'audit'],
] as const satisfies readonly (readonly [string, IconName])[]
