import { setTimeout as wait } from 'node:timers/promises'
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

/** Waits for a condition, and says which one when it does not come. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  withinMs = 30_000,
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
