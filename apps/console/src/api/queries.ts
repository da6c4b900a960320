import type { StreamMessage } from '@sekisho/control'
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import type { Query } from './client.ts'
import { useApi, useLiveMessages } from './context.tsx'

/** First part of each query key: what `changed` messages of the stream invalidate. */
export const KEYS = {
  session: ['session'],
  overview: ['overview'],
  map: ['map'],
  flows: ['flows'],
  events: ['events'],
  policies: ['policies'],
  changes: ['changes'],
  agents: ['agents'],
  audit: ['audit'],
  workloads: ['workloads'],
} as const

/** @param known false where asking would only be refused: a one-time link is about to open the session. */
export function useSession(known = true) {
  const api = useApi()
  const enabled = useQueryClient().getQueryData(KEYS.session) !== undefined || known
  return useQuery({ queryKey: KEYS.session, queryFn: api.session, staleTime: 60_000, retry: false, enabled })
}

export function useOverview(query: Query) {
  const api = useApi()
  return useQuery({
    queryKey: [...KEYS.overview, query],
    queryFn: ({ signal }) => api.overview(query, signal),
    placeholderData: keepPreviousData,
  })
}

export function useMap(query: Query) {
  const api = useApi()
  return useQuery({
    queryKey: [...KEYS.map, query],
    queryFn: ({ signal }) => api.map(query, signal),
    placeholderData: keepPreviousData,
  })
}

/** What workload groups are called, for suggestions; a field takes any other name too. */
export function useWorkloadNames(): readonly string[] {
  const api = useApi()
  const query = useQuery({
    queryKey: [...KEYS.workloads, 'names'],
    queryFn: ({ signal }) => api.workloads({ limit: 1000 }, signal),
    select: ({ items }) => [...new Set(items.map(({ key }) => key))].toSorted(),
  })
  return query.data ?? []
}

export function usePolicies() {
  const api = useApi()
  return useQuery({ queryKey: KEYS.policies, queryFn: ({ signal }) => api.policies(signal) })
}

export function usePolicy(id: string) {
  const api = useApi()
  return useQuery({ queryKey: [...KEYS.policies, id], queryFn: ({ signal }) => api.policy(id, signal) })
}

export function useAgents() {
  const api = useApi()
  return useQuery({
    queryKey: KEYS.agents,
    queryFn: ({ signal }) => api.agents(signal),
    refetchInterval: 10_000,
  })
}

export function useChanges() {
  const api = useApi()
  return useQuery({ queryKey: KEYS.changes, queryFn: ({ signal }) => api.changes({ limit: 100 }, signal) })
}

const PAGE = 200

export function useFlowPages(query: Query) {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: [...KEYS.flows, query],
    queryFn: ({ pageParam, signal }) => api.flows({ ...query, cursor: pageParam, limit: PAGE }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.nextCursor ?? undefined,
    placeholderData: keepPreviousData,
  })
}

export function useEventPages(query: Query) {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: [...KEYS.events, query],
    queryFn: ({ pageParam, signal }) => api.events({ ...query, cursor: pageParam, limit: PAGE }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.nextCursor ?? undefined,
    placeholderData: keepPreviousData,
  })
}

export function useAuditPages() {
  const api = useApi()
  return useInfiniteQuery({
    queryKey: KEYS.audit,
    queryFn: ({ pageParam, signal }) => api.audit({ cursor: pageParam, limit: PAGE }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.nextCursor ?? undefined,
  })
}

/** What a `changed` message makes stale. A policy change moves coverage, the map and the history at once. */
const STALE = {
  policies: [KEYS.policies, KEYS.overview, KEYS.map, KEYS.changes, KEYS.audit],
  changes: [KEYS.changes, KEYS.policies, KEYS.overview, KEYS.audit],
  agents: [KEYS.agents, KEYS.overview],
  workloads: [KEYS.workloads, KEYS.map, KEYS.overview],
  flows: [KEYS.flows, KEYS.map, KEYS.overview],
  events: [KEYS.events, KEYS.overview],
} as const satisfies Record<
  Extract<StreamMessage, { kind: 'changed' }>['what'],
  readonly (readonly string[])[]
>

/** Traffic flows all the time: views that count it are fetched again at most this often. */
const TRAFFIC_REFRESH_MS = 4_000

/** Keeps what is on the screen true: mounted once, in the shell. */
export function useLiveInvalidation(): void {
  const client = useQueryClient()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const stale = (keys: readonly (readonly string[])[]): void => {
    for (const queryKey of keys) void client.invalidateQueries({ queryKey })
  }
  const trafficSoon = (): void => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      stale([KEYS.map, KEYS.overview])
    }, TRAFFIC_REFRESH_MS)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  useLiveMessages(message => {
    switch (message.kind) {
      case 'flows':
        return trafficSoon()
      case 'event':
        return stale([KEYS.events, KEYS.overview])
      case 'changed':
        return stale(STALE[message.what])
      case 'reset':
        return void client.invalidateQueries()
    }
  })
}
