import { type Clock, VERSION } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { databaseIn } from './data.ts'

/**
 * What a server knows of its agents, as JSON for `kubectl sekisho status`: read from its database while it runs, and nothing
 * is noted of that. Times are RFC 3339.
 */
export function serverStatus(data: string, clock: Clock): string {
  using store = openStore({ path: databaseIn(data), clock, readOnly: true })
  const agents = store.agents.list().map(({ node, lastSeen, joinedAt, status }) => ({
    node,
    lastSeen: new Date(lastSeen ?? joinedAt).toISOString(),
    ...(status && { version: status.version, workloads: status.workloads, rules: status.rules }),
    degraded: status?.degraded ?? [],
  }))
  return JSON.stringify({ version: VERSION, at: new Date(clock.now()).toISOString(), agents })
}
