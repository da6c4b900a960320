import { setTimeout as wait } from 'node:timers/promises'
import type { FlowView } from '@sekisho/control'
import type { Lab } from '@sekisho/lab'

export interface Api {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body: unknown): Promise<T>
}

/** The lab's own API token, over plain fetch: the tests see what any client would. */
export function apiOf(lab: Lab): Api {
  const { console } = lab
  if (!console) throw new Error('this lab has no server')
  const headers = { authorization: `Bearer ${console.token}`, 'content-type': 'application/json' }
  const call = async <T>(path: string, init: RequestInit): Promise<T> => {
    const response = await fetch(`${console.url}/api/v1/${path}`, { ...init, headers })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T // the server's schema is the contract
  }
  return {
    get: path => call(path, {}),
    post: (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) }),
  }
}

/**
 * Waits for a condition, and says which one when it does not come. The limit only ends a test that has failed: no
 * machine is so slow that it takes this long.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  withinMs = 180_000,
): Promise<T> {
  const end = performance.now() + withinMs
  let last: unknown
  while (performance.now() < end) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = error // the server may be restarting: that is what some tests are about
    }
    await wait(100)
  }
  throw new Error(`${what}: not within ${withinMs} ms`, { cause: last })
}

interface AgentItem {
  readonly connected: boolean
  readonly upToDate: boolean
  readonly rules: number
}

/** Waits until what the server knows is in the kernel of every node. */
export const programmed = (api: Api): Promise<true> =>
  until('agents that are up to date', async () => {
    const { items } = await api.get<{ items: AgentItem[] }>('agents')
    return items.length > 0 && items.every(agent => agent.connected && agent.upToDate && agent.rules > 0)
      ? true
      : undefined
  })

/** Connections by flow record of every minute that has begun before `until`. */
export async function recorded(api: Api, until: string): Promise<ReadonlyMap<string, number>> {
  const records = new Map<string, number>()
  let cursor: string | null = null
  do {
    const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page = await api.get<{ items: FlowView[]; nextCursor: string | null }>(
      `flows?since=2020-01-01T00:00:00Z&until=${until}&limit=1000${more}`,
    )
    for (const { id, connections } of page.items) records.set(id, connections)
    cursor = page.nextCursor
  } while (cursor !== null)
  return records
}

/**
 * Waits until the server has seen traffic of after this moment: batches come in order, so it has all of before too.
 */
export function recordedUpTo(api: Api, moment: Date): Promise<true> {
  const since = moment.toISOString()
  return until('records of after this moment', async () => {
    const { items } = await api.get<{ items: FlowView[] }>(`flows?since=${since}&limit=1000`)
    return items.some(({ last }) => Date.parse(last) >= moment.getTime()) ? true : undefined
  })
}
