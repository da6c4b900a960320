import { type Mode, SekishoError, VERSION } from '@sekisho/core'
import type { Context } from 'hono'
import { refuse } from '../../duty.ts'
import { type NodeGauges, renderMetrics } from '../../metrics.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Api } from '../hono.ts'

interface Check {
  readonly name: string
  readonly run: () => void
}

function answer(context: Context, checks: readonly Check[]): Response {
  const results = checks.map(({ name, run }) => {
    try {
      run()
      return { name, ok: true }
    } catch {
      return { name, ok: false }
    }
  })
  const ok = results.every(result => result.ok)
  const lines = results.map(
    result => `[${result.ok ? '+' : '-'}]${result.name} ${result.ok ? 'ok' : 'failed'}`,
  )
  const verbose = context.req.query('verbose') !== undefined || !ok
  return context.text(verbose ? `${lines.join('\n')}\n` : 'ok', ok ? 200 : 503)
}

/** Nodes that are gone for good have a record until somebody removes it; no alert must wait for that. */
const GONE_MS = 7 * 24 * 60 * 60_000

const nodesOf = ({ store, connected, clock }: Dependencies): readonly NodeGauges[] =>
  store.agents
    .list()
    .filter(({ lastSeen, joinedAt }) => (lastSeen ?? joinedAt ?? 0) > clock.now() - GONE_MS)
    .map(({ node, status }) => ({ node, connected: connected.has(node), status }))

/** What machines ask: no login. None of it names a workload. */
export function serveHealth(api: Api, server: Dependencies): void {
  const { store, state, counters, connected, hub, loopback, login, duty } = server
  const ready: readonly Check[] = [
    { name: 'store', run: () => void store.state.revision() },
    {
      name: 'model',
      run: () => {
        if (state.revision !== store.state.revision()) throw new SekishoError('unavailable')
      },
    },
    // Where there is none there is nothing to read.
    ...(duty.leads === undefined ? [] : [{ name: 'cluster', run: () => refuse(duty.unread) }]),
  ]
  api.get('/livez', context => answer(context, []))
  api.get('/readyz', context => answer(context, ready))
  api.get('/version', context => context.json({ version: VERSION }))
  api.get('/metrics', context => {
    const bearer = /^Bearer (.+)$/i.exec(context.req.header('authorization') ?? '')?.[1] ?? ''
    if (!loopback && !login.byToken(bearer, { from: '' })) throw new SekishoError('unauthenticated')
    const policies: Record<Mode, number> = { Learn: 0, Audit: 0, Enforce: 0 }
    for (const { mode } of state.model.policies.values()) policies[mode]++
    const text = renderMetrics(counters, {
      agentsConnected: connected.size,
      streamClients: hub.clients,
      workloads: state.model.workloads.size,
      policies,
      stateRevision: state.revision,
      leads: duty.leads,
      storeBytes: store.retention.size().bytes,
      nodes: duty.leads === false ? [] : nodesOf(server),
    })
    return context.text(text, 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
  })
}
