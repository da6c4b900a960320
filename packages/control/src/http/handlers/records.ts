import { type NodeName, SekishoError, type WorkloadId } from '@sekisho/core'
import { removeAgent } from '../../agents/removal.ts'
import { readFilter } from '../../insight/filter.ts'
import { routes } from '../../routes.ts'
import { agentView, auditView, eventView, flowView, pageView, workloadView } from '../../views.ts'
import { windowOf } from '../../window.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Api } from '../hono.ts'
import { listPage } from '../page.ts'

/** What was seen and done: flows, events, workloads, agents, the audit log, live. */
export function serveRecords(
  api: Api,
  { store, state, states, hub, clock, connected, revoke }: Dependencies,
): void {
  const { records } = store
  api.openapi(routes.flows, context => {
    const { filter, application, cursor, limit, ...ends } = context.req.valid('query')
    const spoken = application === undefined ? [] : [{ key: 'app', value: application, not: false } as const]
    const terms = [...readFilter(filter), ...spoken]
    return context.json(
      pageView(records.flows({ window: windowOf(ends, clock), filter: terms, cursor, limit }), flowView),
      200,
    )
  })
  api.openapi(routes.events, context => {
    const { cursor, limit, ...ends } = context.req.valid('query')
    return context.json(
      pageView(records.events({ window: windowOf(ends, clock), cursor, limit }), eventView),
      200,
    )
  })
  api.openapi(routes.workloads, context => {
    const { namespace, filter, cursor, limit } = context.req.valid('query')
    const page = records.workloads({ namespace, text: filter, cursor, limit })
    return context.json(
      pageView(page, record => workloadView(record, state.model)),
      200,
    )
  })
  api.openapi(routes.workload, context => {
    const record = records.workload(context.req.valid('param').id as WorkloadId) // an unknown text finds nothing
    if (!record) throw new SekishoError('not-found')
    return context.json(workloadView(record, state.model), 200)
  })
  api.openapi(routes.agents, context => {
    const now = { connected, position: states.position }
    const page = listPage(store.agents.list(), context.req.valid('query'), ({ node }) => node)
    return context.json(
      pageView(page, agent => agentView(agent, now)),
      200,
    )
  })
  api.openapi(routes.removeAgent, async context => {
    const node = context.req.valid('param').id as NodeName // an unknown text finds nothing
    const { user: actor, from } = context.var.principal
    if (!store.agents.get(node)) throw new SekishoError('not-found')
    // First: another server may lead in a moment.
    await revoke?.(node)
    if (!removeAgent({ store, state, hub }, node, { actor, from })) throw new SekishoError('not-found')
    return context.body(null, 204)
  })
  api.openapi(routes.audit, context =>
    context.json(pageView(store.audit.page(context.req.valid('query')), auditView), 200),
  )
  api.openapi(routes.stream, context => {
    const last = context.req.header('last-event-id')
    const stream = hub.open(last !== undefined && /^\d{1,16}$/.test(last) ? Number(last) : undefined)
    return new Response(stream, {
      headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
    })
  })
}
