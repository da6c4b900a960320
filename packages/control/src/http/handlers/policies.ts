import { policyId, SekishoError } from '@sekisho/core'
import { definedBy, type Enforcing, notEnforcedHere, parsePolicies, validatePolicy } from '@sekisho/policy'
import type { StoredPolicy } from '@sekisho/store'
import { enforcing } from '../../agents/enforcing.ts'
import type { Applied } from '../../lifecycle/changes.ts'
import { routes } from '../../routes.ts'
import type { ChangeView } from '../../schema/policies.ts'
import { changeView, type PolicyFacts, pageView, policyView } from '../../views.ts'
import { windowOf } from '../../window.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Api } from '../hono.ts'
import { listPage } from '../page.ts'

/** Whoever brings a policy into force is told what of it is not enforced everywhere. */
function withWarnings(change: Applied, agents: Enforcing): ChangeView {
  const documents = change.policies.flatMap(({ after }) => {
    const read = after && validatePolicy(after.document, { applications: 'any' })
    return read?.ok ? [read.value] : []
  })
  return {
    ...changeView(change),
    notEnforced: documents.flatMap(document => notEnforcedHere(document, agents)),
  }
}

/** Changes of policies answer with the change; reading answers with policies as they are now. */
export function servePolicies(api: Api, { store, state, lifecycle, clock }: Dependencies): void {
  const facts = (): ((policy: StoredPolicy) => PolicyFacts) => {
    const lastHour = store.records.byPolicy(windowOf({ window: '1h' }, clock))
    return ({ id }) => ({
      document: state.model.policies.get(id),
      selects: state.model.selected(id).length,
      lastHour: lastHour.get(id) ?? { denied: 0, audited: 0 },
    })
  }
  const changeId = (text: string): number => {
    if (!/^\d{1,15}$/.test(text)) throw new SekishoError('not-found')
    return Number(text)
  }

  api.openapi(routes.policies, context => {
    const page = listPage(store.policies.list(), context.req.valid('query'), ({ id }) => id)
    const factsOf = facts()
    return context.json(
      pageView(page, policy => policyView(policy, factsOf(policy))),
      200,
    )
  })
  api.openapi(routes.policy, context => {
    const { kind, namespace, name } = context.req.valid('param')
    const policy = store.policies.get(policyId(kind, namespace === '_' ? '' : namespace, name))
    if (!policy) throw new SekishoError('not-found')
    return context.json(policyView(policy, facts()(policy)), 200)
  })
  api.openapi(routes.apply, context => {
    const change = lifecycle.apply(context.req.valid('json'), context.var.principal)
    return context.json(withWarnings(change, enforcing(store)), 200)
  })
  api.openapi(routes.deletePolicies, context => {
    const change = lifecycle.remove(context.req.valid('json').ids, context.var.principal)
    return context.json(changeView(change), 200)
  })
  api.openapi(routes.mode, context => {
    const { ids, ...change } = context.req.valid('json')
    const done = lifecycle.setMode(ids, change, context.var.principal)
    return context.json(withWarnings(done, enforcing(store)), 200)
  })
  api.openapi(routes.validate, context => {
    const applications = definedBy(state.model.policies.values())
    const read = parsePolicies(context.req.valid('json').yaml, { applications })
    const documents = read.ok ? read.value : []
    const answer = {
      problems: read.ok ? [] : [...read.error],
      policies: documents.map(({ id }) => id),
      notEnforced: documents.flatMap(document => notEnforcedHere(document, enforcing(store))),
    }
    return context.json(answer, 200)
  })
  api.openapi(routes.changes, context =>
    context.json(pageView(store.policies.changes(context.req.valid('query')), changeView), 200),
  )
  api.openapi(routes.keep, context => {
    const id = changeId(context.req.valid('param').id)
    return context.json(changeView(lifecycle.keep(id, context.var.principal)), 200)
  })
  api.openapi(routes.revert, context => {
    const id = changeId(context.req.valid('param').id)
    return context.json(changeView(lifecycle.revert(id, context.var.principal)), 200)
  })
}
