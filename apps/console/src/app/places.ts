import { last, timeWindow } from './time.ts'
import { flag, list, oneOf, optional, text, to } from './url.ts'

/** What each page keeps in the address. Links to a page are made here, so that no link can name a wrong parameter. */
export const FLOWS = {
  window: timeWindow('1h'),
  filter: text(),
  paused: flag,
  /** The flow whose explanation is open. */
  flow: optional,
}
export const MAP_FILTER = { window: timeWindow('15m'), filter: text() }
export const POLICIES = { filter: text() }
export const SUGGEST = {
  window: timeWindow('1h'),
  ns: list,
  kind: oneOf(['SecurityPolicy', 'NetworkPolicy'], 'SecurityPolicy'),
  /** Which step is shown; a later step needs what an earlier one fetched. */
  step: oneOf(['choose', 'review', 'simulate'], 'choose'),
}
export const EVENTS = {
  window: timeWindow('24h'),
  severity: oneOf(['all', 'info', 'warning', 'critical'], 'all'),
}

export const flowsPlace = (filter: string, window = last('1h')): string =>
  to('/flows', FLOWS, { filter, window })
export const mapPlace = (filter: string): string => to('/map', MAP_FILTER, { filter })
export const suggestPlace = (ns: readonly string[]): string => to('/policies/suggest', SUGGEST, { ns })

/** `Kind/namespace/name` as an address of the console. */
export const policyPlace = (id: string): string =>
  `/policies/${id
    .split('/')
    .map(part => encodeURIComponent(part || '_'))
    .join('/')}`
