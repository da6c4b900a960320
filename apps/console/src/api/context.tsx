import type { StreamMessage } from '@sekisho/control'
import { createContext, type ReactNode, use, useEffect, useEffectEvent, useSyncExternalStore } from 'react'
import type { Api } from './endpoints.ts'
import type { Live, LiveState } from './live.ts'

const ApiContext = createContext<Api | undefined>(undefined)
const LiveContext = createContext<Live | undefined>(undefined)

export const ApiProvider = ({ api, children }: { readonly api: Api; readonly children: ReactNode }) => (
  <ApiContext value={api}>{children}</ApiContext>
)
export const LiveProvider = ({ live, children }: { readonly live: Live; readonly children: ReactNode }) => (
  <LiveContext value={live}>{children}</LiveContext>
)

export function useApi(): Api {
  const api = use(ApiContext)
  if (!api) throw new Error('useApi outside of ApiProvider')
  return api
}

function useLive(): Live {
  const live = use(LiveContext)
  if (!live) throw new Error('useLive outside of LiveProvider')
  return live
}

export function useLiveState(): LiveState {
  const live = useLive()
  return useSyncExternalStore(live.onState, live.state)
}

/** Calls `listener` for every message of the event stream while the component is mounted. */
export function useLiveMessages(listener: (message: StreamMessage) => void): void {
  const live = useLive()
  const latest = useEffectEvent(listener)
  useEffect(() => live.onMessage(message => latest(message)), [live])
}
