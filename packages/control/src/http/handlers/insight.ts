import { withMode } from '@sekisho/policy'
import { readFilter } from '../../insight/filter.ts'
import { createInsight } from '../../insight/insight.ts'
import { parseOrRefuse } from '../../lifecycle/changes.ts'
import { routes } from '../../routes.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Api } from '../hono.ts'
import { windowOf } from '../window.ts'

/** Pictures of "now" show the last hour unless asked otherwise; what is learned from looks back at everything. */
const HOUR_MS = 3_600_000

/** What the records and the policies mean: everything here reads, nothing is changed. */
export function serveInsight(api: Api, { store, state, connected, clock }: Dependencies): void {
  const insight = createInsight({ store, model: state.model, connected, clock })
  api.openapi(routes.overview, context => {
    const window = windowOf(context.req.valid('query'), clock, HOUR_MS)
    return context.json(insight.overview(window), 200)
  })
  api.openapi(routes.map, context => {
    const { filter, ...ends } = context.req.valid('query')
    const request = { window: windowOf(ends, clock, HOUR_MS), filter: readFilter(filter) }
    return context.json(insight.map(request), 200)
  })
  api.openapi(routes.suggest, context => {
    const { namespaces, kind, ...ends } = context.req.valid('json')
    return context.json(insight.suggest({ window: windowOf(ends, clock), namespaces, kind }), 200)
  })
  api.openapi(routes.simulate, context => {
    const { yaml, mode, without = [], ...ends } = context.req.valid('json')
    // Without documents it is the question what deleting some would do.
    const documents = yaml.trim() === '' ? [] : parseOrRefuse(yaml).map(document => withMode(document, mode))
    return context.json(insight.simulate({ window: windowOf(ends, clock), documents, without }), 200)
  })
  api.openapi(routes.explain, context => {
    const { yaml, ...question } = context.req.valid('json')
    const documents = yaml === undefined ? undefined : parseOrRefuse(yaml)
    return context.json(insight.explain({ ...question, documents }), 200)
  })
}
