import type {
  AgentView,
  ApplyRequest,
  AuditView,
  ChangeView,
  EventView,
  ExplanationView,
  FlowView,
  MapView,
  ModelView,
  Overview,
  PolicyView,
  Session,
  SimulationView,
  SuggestionView,
  Validation,
  WorkloadView,
} from '@sekisho/control'
import type { Mode } from '@sekisho/core'
import type { Client, Query } from './client.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}

export interface SuggestRequest {
  readonly namespaces?: readonly string[]
  readonly kind: 'NetworkPolicy' | 'SecurityPolicy'
  readonly window?: string
  readonly since?: string
  readonly until?: string
}

export interface ExplainRequest {
  readonly source: string
  readonly destination: string
  readonly port?: number
  readonly protocol?: string
}

/** `Kind/namespace/name` as a path; a cluster-scoped policy has no namespace, a path cannot be empty. */
const policyPath = (id: string): string =>
  id
    .split('/')
    .map(part => encodeURIComponent(part || '_'))
    .join('/')

/** The API, route by route. */
export const endpoints = ({ get, post }: Client) => ({
  session: () => get<Session>('/session'),
  loginByLink: (token: string) => post<Session>('/login/link', { token }),
  loginByPassword: (name: string, password: string) => post<Session>('/login/password', { name, password }),
  logout: () => post<undefined>('/logout'),
  setPassword: (password: string, current?: string) =>
    post<Session>('/account/password', { password, current }),

  overview: (query: Query, signal?: AbortSignal) => get<Overview>('/overview', query, signal),
  map: (query: Query, signal?: AbortSignal) => get<MapView>('/map', query, signal),
  flows: (query: Query, signal?: AbortSignal) => get<Page<FlowView>>('/flows', query, signal),
  events: (query: Query, signal?: AbortSignal) => get<Page<EventView>>('/events', query, signal),
  agents: (signal?: AbortSignal) => get<Page<AgentView>>('/agents', { limit: 1000 }, signal),
  audit: (query: Query, signal?: AbortSignal) => get<Page<AuditView>>('/audit', query, signal),
  workloads: (query: Query, signal?: AbortSignal) => get<Page<WorkloadView>>('/workloads', query, signal),

  model: (signal?: AbortSignal) => get<ModelView>('/model', {}, signal),
  policies: (signal?: AbortSignal) => get<Page<PolicyView>>('/policies', { limit: 1000 }, signal),
  policy: (id: string, signal?: AbortSignal) => get<PolicyView>(`/policies/${policyPath(id)}`, {}, signal),
  apply: (body: ApplyRequest) => post<ChangeView>('/policies/apply', body),
  deletePolicies: (ids: readonly string[]) => post<ChangeView>('/policies/delete', { ids }),
  setMode: (ids: readonly string[], mode: Mode, revertAfterSeconds?: number) =>
    post<ChangeView>('/policies/mode', { ids, mode, revertAfterSeconds }),
  validate: (yaml: string) => post<Validation>('/policies/validate', { yaml }),
  suggest: (body: SuggestRequest) => post<SuggestionView>('/policies/suggest', body),
  simulate: (yaml: string, window: Query) => post<SimulationView>('/policies/simulate', { yaml, ...window }),
  explain: (body: ExplainRequest) => post<ExplanationView>('/explain', body),

  changes: (query: Query, signal?: AbortSignal) => get<Page<ChangeView>>('/changes', query, signal),
  keepChange: (id: string) => post<ChangeView>(`/changes/${encodeURIComponent(id)}/keep`),
  revertChange: (id: string) => post<ChangeView>(`/changes/${encodeURIComponent(id)}/revert`),
})

export type Api = ReturnType<typeof endpoints>
