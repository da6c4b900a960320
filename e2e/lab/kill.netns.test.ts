import type { ChangeView, SuggestionView } from '@sekisho/control'
import { type Lab, startLab } from '@sekisho/lab'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, apiOf, programmed, recorded, recordedUpTo, until } from './api.ts'
import { everythingDone, openTally, tried } from './counts.ts'

describeAsRoot('kill -9 under traffic', () => {
  let lab: Lab
  let api: Api
  beforeAll(async () => {
    lab = await startLab({ prefix: 'sekisho-k', runDir: '/run/sekisho-kill', port: 17_443 })
    api = apiOf(lab)
    lab.startCampaign()
    await everythingDone(lab)
    await recordedUpTo(api, new Date())
    await until('the attack is told apart', async () => {
      const { yaml, excluded } = await api.post<SuggestionView>('policies/suggest', { window: '1h' })
      if (excluded.length === 0) return undefined
      return api.post<ChangeView>('policies/apply', { yaml, mode: 'Enforce' })
    })
    await programmed(api)
  }, 600_000)
  afterAll(() => lab?.[Symbol.asyncDispose](), 120_000)

  const pidOf = (name: string): number => {
    const pid = lab.programs.get(name)?.pid
    if (pid === undefined) throw new Error(`${name} does not run`)
    return pid
  }

  test.each([[['server']], [['agent']], [['server', 'agent']]])(
    '%j',
    async victims => {
      const tally = await openTally(lab)
      const moment = new Date().toISOString()
      const acknowledged = await recorded(api, moment)
      expect(acknowledged.size).toBeGreaterThan(0)
      const pids = victims.map(pidOf)
      for (const pid of pids) process.kill(pid, 'SIGKILL')

      // While they are away and while they come back, shop and attacker go on.
      await until(
        'another process in their place',
        () =>
          victims.every((name, i) => ![undefined, pids[i]].includes(lab.programs.get(name)?.pid)) ||
          undefined,
      )
      const outcome = await tried(tally, { shop: 50, attacker: 10 })
      expect(outcome).toMatchObject({ attackerReached: [], shopFailed: [] })
      await programmed(api)
      await recordedUpTo(api, new Date())

      expect(tally()).toMatchObject({ attackerReached: [], shopFailed: [] })
      const after = await recorded(api, moment)
      const lost = [...acknowledged].filter(([id, connections]) => (after.get(id) ?? 0) < connections)
      expect(lost, 'acknowledged records').toEqual([])
    },
    600_000,
  )
})
