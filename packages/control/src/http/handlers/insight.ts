import type { TypedResponse } from 'hono'
import type { Answers, Question } from '../../insight/insight.ts'
import { routes } from '../../routes.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Api } from '../hono.ts'

/** What the records and the policies mean: everything here reads, nothing is changed. */
export function serveInsight(api: Api, { insight, state, connected, clock }: Dependencies): void {
  const answer = async <K extends keyof Answers>(question: Question & { readonly kind: K }) => {
    const { revision } = state
    const json = await insight.ask({ question, now: clock.now(), connected: [...connected], revision })
    const response = new Response(json, { headers: { 'content-type': 'application/json' } })
    // The text is JSON of this kind's answer: parsing and writing it again here would only cost this thread's time.
    return response as Response & TypedResponse<Answers[K], 200, 'json'>
  }
  api.openapi(routes.overview, context => answer({ kind: 'overview', ends: context.req.valid('query') }))
  api.openapi(routes.map, context => {
    const { filter, ...ends } = context.req.valid('query')
    return answer({ kind: 'map', ends, filter })
  })
  api.openapi(routes.suggest, context => {
    const { namespaces, kind: policies, ...ends } = context.req.valid('json')
    return answer({ kind: 'suggest', ends, namespaces, policies })
  })
  api.openapi(routes.unused, context => {
    const { namespaces, days, ...ends } = context.req.valid('json')
    return answer({ kind: 'unused', ends, days, namespaces })
  })
  api.openapi(routes.simulate, context => {
    const { yaml, mode, without = [], ...ends } = context.req.valid('json')
    return answer({ kind: 'simulate', ends, yaml, mode, without })
  })
  api.openapi(routes.model, () => answer({ kind: 'model' }))
  api.openapi(routes.explain, context => answer({ kind: 'explain', ...context.req.valid('json') }))
}
