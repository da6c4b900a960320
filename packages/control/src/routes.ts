import { createRoute, z } from '@hono/zod-openapi'
import {
  agentView,
  applyRequest,
  auditView,
  changeView,
  deleteRequest,
  eventView,
  explainRequest,
  explanation,
  flowQuery,
  flowView,
  joinTokenCreated,
  joinTokenRequest,
  linkLogin,
  mapQuery,
  mapView,
  modelView,
  modeRequest,
  overview,
  pageOf,
  pageQuery,
  passwordChange,
  passwordLogin,
  policyView,
  problemJson,
  responseView,
  session,
  simulateRequest,
  simulation,
  streamMessage,
  suggestion,
  suggestRequest,
  tokenCreated,
  tokenRequest,
  tokenView,
  unused,
  unusedRequest,
  validateRequest,
  validation,
  windowQuery,
  workloadView,
} from './schema/index.ts'

/**
 * Every route of the HTTP API, below `/api/v1`. The router and `/openapi.json` are made from this table.
 *
 * | method and path                            | request                   | response                  |
 * | ------------------------------------------ | ------------------------- | ------------------------- |
 * | POST   /login/link                         | linkLogin                 | session, cookie           |
 * | POST   /login/password                     | passwordLogin             | session, cookie           |
 * | POST   /logout                             |                           | 204                       |
 * | GET    /session                            |                           | session                   |
 * | POST   /account/password                   | passwordChange            | session, new cookie       |
 * | GET    /tokens                             |                           | page of tokenView         |
 * | POST   /tokens                             | tokenRequest              | 201 tokenCreated          |
 * | DELETE /tokens/{id}                        |                           | 204                       |
 * | GET    /overview                           | windowQuery               | overview                  |
 * | GET    /map                                | mapQuery                  | mapView                   |
 * | GET    /flows                              | flowQuery, pageQuery      | page of flowView          |
 * | GET    /events                             | windowQuery, pageQuery    | page of eventView         |
 * | GET    /workloads                          | workloadQuery, pageQuery  | page of workloadView      |
 * | GET    /workloads/{id}                     | (id is URL-encoded)       | workloadView              |
 * | GET    /model                              |                           | modelView                 |
 * | GET    /agents                             | pageQuery                 | page of agentView         |
 * | DELETE /agents/{id}                        | (id is the node)          | 204                       |
 * | GET    /audit                              | pageQuery                 | page of auditView         |
 * | GET    /policies                           | pageQuery                 | page of policyView        |
 * | GET    /policies/{kind}/{namespace}/{name} | (`_`: no namespace)       | policyView                |
 * | POST   /policies/apply                     | applyRequest              | changeView                |
 * | POST   /policies/delete                    | deleteRequest             | changeView                |
 * | POST   /policies/mode                      | modeRequest               | changeView                |
 * | POST   /policies/validate                  | validateRequest           | validation                |
 * | POST   /policies/suggest                   | suggestRequest            | suggestion                |
 * | POST   /policies/unused                    | unusedRequest             | unused                    |
 * | POST   /policies/simulate                  | simulateRequest           | simulation                |
 * | GET    /responses                         | pageQuery                 | page of responseView      |
 * | POST   /explain                            | explainRequest            | explanation               |
 * | GET    /changes                            | pageQuery                 | page of changeView        |
 * | POST   /changes/{id}/keep                  |                           | changeView                |
 * | POST   /changes/{id}/revert                |                           | changeView (reverted)      |
 * | POST   /join-tokens                        | joinTokenRequest          | 201 joinTokenCreated      |
 * | GET    /stream                             | Last-Event-ID             | SSE of streamMessage      |
 *
 * Errors are problem+json (`problemJson`): 422 `policy-refused` carries `problems`. A dry run, and a set that
 * changes nothing, answer with a changeView whose id is empty. Requests that change something need the session's
 * `X-CSRF-Token`, or an API token as `Authorization: Bearer`.
 */

const json = <T extends z.ZodType>(schema: T) => ({ 'application/json': { schema } })
/** Strict: a misspelt `dryRun` must not become a real change. */
const body = <S extends z.ZodRawShape>(schema: z.ZodObject<S>) => ({
  content: json(schema.strict()),
  required: true,
})
const page = pageQuery
const id = z.object({ id: z.string().min(1).max(512) })

/** An error the route may answer with, besides what every route can: 400, 401, 403, 429, 500. */
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemJson } },
})
const EVERYWHERE = { default: problem('An error; `code` says which (docs/ERRORS.md).') }
const answer = <T extends z.ZodType>(description: string, schema: T) => ({
  200: { description, content: json(schema) },
  ...EVERYWHERE,
})
const created = <T extends z.ZodType>(description: string, schema: T) => ({
  201: { description, content: json(schema) },
  ...EVERYWHERE,
})
const nothing = (description: string) => ({ 204: { description }, ...EVERYWHERE })
const refusable = <T extends z.ZodType>(description: string, schema: T) => ({
  ...answer(description, schema),
  409: problem('Someone else changed one of the policies in the meantime.'),
  422: problem('Refused whole; `problems` says where and why. Nothing was changed.'),
})

/** Routes that need no login say so here; everything else is closed. */
const OPEN: { security: Record<string, string[]>[] } = { security: [] }

export const workloadQuery = z.object({
  namespace: z.string().max(253).optional(),
  /** Part of the name, the owner or an address. */
  filter: z.string().max(1024).optional(),
})

export const routes = {
  loginLink: createRoute({
    ...OPEN,
    method: 'post',
    path: '/login/link',
    summary: 'Log in with a one-time link',
    request: { body: body(linkLogin) },
    responses: answer('Logged in; the cookie holds the session.', session),
  }),
  loginPassword: createRoute({
    ...OPEN,
    method: 'post',
    path: '/login/password',
    summary: 'Log in with a password',
    request: { body: body(passwordLogin) },
    responses: answer('Logged in; the cookie holds the session.', session),
  }),
  logout: createRoute({
    method: 'post',
    path: '/logout',
    summary: 'End this session',
    responses: nothing('The session is gone.'),
  }),
  session: createRoute({
    method: 'get',
    path: '/session',
    summary: 'Who is logged in',
    responses: answer('The session.', session),
  }),
  password: createRoute({
    method: 'post',
    path: '/account/password',
    summary: 'Set or change the own password; all other sessions end',
    request: { body: body(passwordChange) },
    responses: answer('Changed; the cookie holds a new session.', session),
  }),
  tokens: createRoute({
    method: 'get',
    path: '/tokens',
    summary: 'API tokens, without their secrets',
    responses: answer('All tokens of this account.', pageOf(tokenView)),
  }),
  createToken: createRoute({
    method: 'post',
    path: '/tokens',
    summary: 'Make an API token; its secret is shown once',
    request: { body: body(tokenRequest) },
    responses: created('The token.', tokenCreated),
  }),
  deleteToken: createRoute({
    method: 'delete',
    path: '/tokens/{id}',
    summary: 'Revoke an API token',
    request: { params: id },
    responses: nothing('The token no longer works.'),
  }),
  overview: createRoute({
    method: 'get',
    path: '/overview',
    summary: 'What is unusual and what to do next',
    request: { query: windowQuery },
    responses: answer('The overview.', overview),
  }),
  map: createRoute({
    method: 'get',
    path: '/map',
    summary: 'Who talks to whom',
    request: { query: mapQuery },
    responses: answer('The map.', mapView),
  }),
  flows: createRoute({
    method: 'get',
    path: '/flows',
    summary: 'Flow records, newest first',
    request: { query: flowQuery.extend(page.shape) },
    responses: answer('One page.', pageOf(flowView)),
  }),
  events: createRoute({
    method: 'get',
    path: '/events',
    summary: 'What happened, newest first',
    request: { query: windowQuery.extend(page.shape) },
    responses: answer('One page.', pageOf(eventView)),
  }),
  workloads: createRoute({
    method: 'get',
    path: '/workloads',
    summary: 'What has an address and labels',
    request: { query: workloadQuery.extend(page.shape) },
    responses: answer('One page, by id.', pageOf(workloadView)),
  }),
  workload: createRoute({
    method: 'get',
    path: '/workloads/{id}',
    summary: 'One workload',
    request: { params: id },
    responses: answer('The workload.', workloadView),
  }),
  model: createRoute({
    method: 'get',
    path: '/model',
    summary: 'All that verdicts follow from: workloads, namespaces, nodes and policies',
    responses: {
      ...answer('The whole of it.', modelView),
      413: problem('There are too many workloads or policies to hand out at once.'),
    },
  }),
  agents: createRoute({
    method: 'get',
    path: '/agents',
    summary: 'The agents and what they could not see',
    request: { query: page },
    responses: answer('One page, by node.', pageOf(agentView)),
  }),
  removeAgent: createRoute({
    method: 'delete',
    path: '/agents/{id}',
    summary: 'Revoke the agent of a node; its workloads are forgotten',
    request: { params: id },
    responses: nothing('Its certificate is refused from now on.'),
  }),
  audit: createRoute({
    method: 'get',
    path: '/audit',
    summary: 'Who did what, newest first',
    request: { query: page },
    responses: answer('One page.', pageOf(auditView)),
  }),
  policies: createRoute({
    method: 'get',
    path: '/policies',
    summary: 'Policies in force',
    request: { query: page },
    responses: answer('One page, by id.', pageOf(policyView)),
  }),
  policy: createRoute({
    method: 'get',
    path: '/policies/{kind}/{namespace}/{name}',
    summary: 'One policy; the namespace of a cluster policy is `_`',
    request: { params: z.object({ kind: z.string(), namespace: z.string(), name: z.string() }) },
    responses: answer('The policy.', policyView),
  }),
  apply: createRoute({
    method: 'post',
    path: '/policies/apply',
    summary: 'Apply a set of documents: all or nothing',
    request: { body: body(applyRequest) },
    responses: refusable('The change; of a dry run, what it would be.', changeView),
  }),
  deletePolicies: createRoute({
    method: 'post',
    path: '/policies/delete',
    summary: 'Delete a set of policies: all or nothing',
    request: { body: body(deleteRequest) },
    responses: refusable('The change.', changeView),
  }),
  mode: createRoute({
    method: 'post',
    path: '/policies/mode',
    summary: 'Set the mode of a set of policies: all or nothing',
    request: { body: body(modeRequest) },
    responses: refusable('The change.', changeView),
  }),
  validate: createRoute({
    method: 'post',
    path: '/policies/validate',
    summary: 'Check documents; nothing is changed',
    request: { body: body(validateRequest) },
    responses: answer('The problems found, or the ids of the policies.', validation),
  }),
  suggest: createRoute({
    method: 'post',
    path: '/policies/suggest',
    summary: 'Propose least-privilege policies from recorded flows',
    request: { body: body(suggestRequest) },
    responses: answer('The proposal with its evidence.', suggestion),
  }),
  unused: createRoute({
    method: 'post',
    path: '/policies/unused',
    summary: 'Which rules no recorded connection came to, and the policies without them',
    request: { body: body(unusedRequest) },
    responses: answer('Every rule with its last use, and the proposal.', unused),
  }),
  simulate: createRoute({
    method: 'post',
    path: '/policies/simulate',
    summary: 'What documents would have done to recorded flows',
    request: { body: body(simulateRequest) },
    responses: refusable('The differences.', simulation),
  }),
  explain: createRoute({
    method: 'post',
    path: '/explain',
    summary: 'Why a conversation is allowed or denied',
    request: { body: body(explainRequest) },
    responses: refusable('The explanation.', explanation),
  }),
  responses: createRoute({
    method: 'get',
    path: '/responses',
    summary: 'Quarantines and blocks in force; one is lifted by deleting its policy',
    request: { query: page },
    responses: answer('One page, by policy.', pageOf(responseView)),
  }),
  changes: createRoute({
    method: 'get',
    path: '/changes',
    summary: 'The history of policies, newest first',
    request: { query: page },
    responses: answer('One page.', pageOf(changeView)),
  }),
  keep: createRoute({
    method: 'post',
    path: '/changes/{id}/keep',
    summary: 'Keep a pending change',
    request: { params: id },
    responses: refusable('The change, kept.', changeView),
  }),
  revert: createRoute({
    method: 'post',
    path: '/changes/{id}/revert',
    summary: 'Take a change back as a whole; refused when a later change touched the same policies',
    request: { params: id },
    responses: refusable('The change, reverted.', changeView),
  }),
  createJoinToken: createRoute({
    method: 'post',
    path: '/join-tokens',
    summary: 'Make a token that lets one agent join once',
    request: { body: body(joinTokenRequest) },
    responses: created('The token; shown once.', joinTokenCreated),
  }),
  stream: createRoute({
    method: 'get',
    path: '/stream',
    summary: 'Live data as server-sent events; resumes after `Last-Event-ID`',
    responses: {
      200: {
        description: 'Messages until closed.',
        content: { 'text/event-stream': { schema: streamMessage } },
      },
      ...EVERYWHERE,
    },
  }),
} as const

export type RouteName = keyof typeof routes
