import type { ChangeView, FlowView, SuggestionView } from '@sekisho/control'
import { type Lab, startLab } from '@sekisho/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeAsRoot } from '../../packages/linux/test/privilege.ts'
import { type Api, apiOf, until } from './api.ts'
import { sums, visits } from './counts.ts'

interface AgentItem {
  readonly connected: boolean
  readonly upToDate: boolean
  readonly rules: number
  readonly lastSeen: string
}

/** Sums of all flows between two moments, as the server has them. */
async function recorded(api: Api, since: string, until: string): Promise<number> {
  let total = 0
  let cursor: string | null = null
  do {
    const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page = await api.get<{ items: FlowView[]; nextCursor: string | null }>(
      `flows?since=${since}&until=${until}&limit=1000${more}`,
    )
    total += page.items.reduce((sum, flow) => sum + flow.connections, 0)
    cursor = page.nextCursor
  } while (cursor !== null)
  return total
}

describeAsRoot('kill -9 under traffic', () => {
  let lab: Lab
  let api: Api
  beforeAll(async () => {
    const port = 17_443
    lab = await startLab({ prefix: 'sekisho-k', runDir: '/run/sekisho-kill', port })
    api = apiOf(lab)
    lab.startCampaign()
    await until(
      'some traffic of the attacker',
      () => (sums(lab.runDir, true).ok > 5 ? true : undefined),
      60_000,
    )
    // Least privilege is learned from what was seen: every customer must have been there with every kind of request.
    await until('two rounds of every customer', () => (visits(lab.runDir) >= 60 ? true : undefined), 90_000)
    await until('the attack is told apart', async () => {
      const { yaml, excluded } = await api.post<SuggestionView>('policies/suggest', { window: '1h' })
      if (excluded.length === 0) return undefined
      return api.post<ChangeView>('policies/apply', { yaml, mode: 'Enforce' })
    })
    await programmed()
  }, 180_000)
  afterAll(() => lab?.[Symbol.asyncDispose](), 60_000)

  const programmed = () =>
    until('an agent that is up to date', async () => {
      const { items } = await api.get<{ items: AgentItem[] }>('agents')
      return items.length > 0 && items.every(agent => agent.connected && agent.upToDate && agent.rules > 0)
    })

  const pidOf = (name: string): number => {
    const pid = lab.programs.get(name)?.pid
    if (pid === undefined) throw new Error(`${name} does not run`)
    return pid
  }

  test.each([[['server']], [['agent']], [['server', 'agent']]])(
    '%j',
    async victims => {
      const before = { shop: sums(lab.runDir, false), attacker: sums(lab.runDir, true) }
      const moment = new Date().toISOString()
      const acknowledged = await until(
        'records',
        async () => (await recorded(api, '2020-01-01T00:00:00Z', moment)) || undefined,
      )
      const pids = victims.map(pidOf)
      for (const pid of pids) process.kill(pid, 'SIGKILL')

      // While they are away and while they come back, the attacker goes on trying.
      await until(
        'attempts of the attacker during the outage',
        () => (sums(lab.runDir, true).failed >= before.attacker.failed + 10 ? true : undefined),
        60_000,
      )
      await until('another process in their place', () =>
        victims.every(
          (name, i) => lab.programs.get(name)?.pid !== undefined && lab.programs.get(name)?.pid !== pids[i],
        ),
      )
      await programmed()
      const later = new Date().toISOString()
      await until(
        'new records after the outage',
        async () =>
          (await recorded(api, later, new Date(Date.now() + 60_000).toISOString())) > 0 || undefined,
      )

      const after = { shop: sums(lab.runDir, false), attacker: sums(lab.runDir, true) }
      expect(after.attacker.ok - before.attacker.ok, 'the attacker reached something').toBe(0)
      expect(after.shop.failed - before.shop.failed, after.shop.errors.join('\n')).toBe(0)
      expect(
        await recorded(api, '2020-01-01T00:00:00Z', moment),
        'acknowledged records',
      ).toBeGreaterThanOrEqual(acknowledged)
    },
    150_000,
  )
})
