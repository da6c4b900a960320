import { readFilter } from '../../insight/filter.ts'
import { mapView } from '../../insight/map.ts'
import { overview } from '../../insight/overview.ts'
import type { InsightPorts } from '../../insight/ports.ts'
import { routes } from '../../routes.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Api } from '../hono.ts'
import { windowOf } from '../window.ts'

/** Pictures of "now" show the last hour unless asked otherwise. */
const HOUR_MS = 3_600_000

/** What the records and the policies mean: everything here reads, nothing is changed. */
export function serveInsight(api: Api, { store, state, connected, clock }: Dependencies): void {
  const ports: InsightPorts = { store, model: state.model, connected, clock }
  api.openapi(routes.overview, context => {
    const window = windowOf(context.req.valid('query'), clock, HOUR_MS)
    return context.json(overview(ports, window), 200)
  })
  api.openapi(routes.map, context => {
    const { filter, ...ends } = context.req.valid('query')
    const view = mapView(ports, { window: windowOf(ends, clock, HOUR_MS), filter: readFilter(filter) })
    return context.json(view, 200)
  })
}
