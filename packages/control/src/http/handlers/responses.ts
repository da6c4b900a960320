import { routes } from '../../routes.ts'
import { pageView, timestampOf } from '../../views.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Api } from '../hono.ts'
import { listPage } from '../page.ts'

/** What is in force by itself. It is lifted as any policy is deleted. */
export function serveResponses(api: Api, { responder }: Pick<Dependencies, 'responder'>): void {
  api.openapi(routes.responses, context => {
    const page = listPage(responder.active(), context.req.valid('query'), ({ policy }) => policy)
    return context.json(
      pageView(page, ({ since, until, ...response }) => ({
        ...response,
        since: timestampOf(since),
        until: timestampOf(until),
      })),
      200,
    )
  })
}
