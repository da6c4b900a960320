import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type {
  ChangeView,
  MapView,
  Overview,
  PolicyView,
  SimulationView,
  SuggestionView,
} from '@sekisho/control'
import { type Lab, startLab } from '@sekisho/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeAsRoot } from '../../packages/linux/test/privilege.ts'
import { type Api, apiOf, until } from './api.ts'
import { sums } from './counts.ts'

const root = join(import.meta.dirname, '../..')
const execute = promisify(execFile)

/** The commands of a page's `sh` blocks, one a line, in order. */
const commands = (page: string): string[] =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(block =>
    (block[1] ?? '').trim().split('\n'),
  )

describeAsRoot('the first five minutes', () => {
  let lab: Lab
  let api: Api
  beforeAll(async () => {
    lab = await startLab({ report: line => void process.stderr.write(line) })
    api = apiOf(lab)
  }, 120_000)
  afterAll(() => lab?.[Symbol.asyncDispose](), 60_000)

  /** As at the start, for the next test. */
  async function withoutPolicies(): Promise<void> {
    const changes = (await api.get<{ items: ChangeView[] }>('changes')).items
    for (const { id } of changes.filter(({ state }) => state === 'pending')) {
      await api.post<ChangeView>(`changes/${id}/revert`, {})
    }
    const { items } = await api.get<{ items: PolicyView[] }>('policies')
    if (items.length > 0) await api.post<ChangeView>('policies/delete', { ids: items.map(({ id }) => id) })
  }

  test('the first screen is not empty', async () => {
    const map = await until('an edge on the map', async () => {
      const view = await api.get<MapView>('map?window=15m')
      return view.edges.length > 0 ? view : undefined
    })
    expect(map.nodes.length).toBeGreaterThan(10)
    expect(new Set(map.namespaces.map(({ name }) => name))).toEqual(
      new Set(['shop', 'payments', 'monitoring', 'kube-system']),
    )
  })

  test('the attacker is noticed', async () => {
    lab.startCampaign()
    const attention = await until(
      'port scan and metadata probe under attention',
      async () => {
        const { attention } = await api.get<Overview>('overview?window=15m')
        const codes = new Set<string>(attention.map(({ code }) => code))
        return codes.has('port-scan') && codes.has('metadata-probe') ? attention : undefined
      },
      60_000,
    )
    for (const item of attention.filter(({ code }) => code === 'port-scan'))
      expect(item.workload).toContain('legacy-cms')
  }, 90_000)

  test.each(['README.md', 'README.ja.md'])(
    'every command of %s does what it says',
    async page => {
      for (const command of commands(page)) {
        const result = await execute('bash', ['-c', command], {
          cwd: root,
          env: { ...process.env, NO_COLOR: '1' },
        })
        expect(result.stderr, command).toBe('')
      }
      const { items } = await api.get<{ items: PolicyView[] }>('policies')
      expect(items.length).toBeGreaterThan(5)
      expect(new Set(items.map(({ mode }) => mode))).toEqual(new Set(['Enforce']))
      await withoutPolicies()
    },
    120_000,
  )

  test('suggest, simulate, enforce: the attacker is stopped and nothing of the shop breaks', async () => {
    const { yaml, excluded } = await api.post<SuggestionView>('policies/suggest', { window: '1h' })
    expect(excluded.length).toBeGreaterThan(0)
    expect(excluded.every(({ source }) => source.includes('legacy-cms'))).toBe(true)

    const simulation = await api.post<SimulationView>('policies/simulate', { yaml, window: '1h' })
    expect(simulation.legitimateBroken).toBe(0)
    expect(simulation.attacksDenied).toBeGreaterThan(0)

    await api.post<ChangeView>('policies/apply', { yaml, mode: 'Enforce' })
    await until('the agent has programmed it', async () => {
      const { items } = await api.get<{ items: { upToDate: boolean; rules: number }[] }>('agents')
      return items.every(agent => agent.upToDate && agent.rules > 0)
    })

    const before = { shop: sums(lab.runDir, false), attacker: sums(lab.runDir, true) }
    const after = await until(
      '400 more requests of the shop and 20 more of the attacker',
      () => {
        const now = { shop: sums(lab.runDir, false), attacker: sums(lab.runDir, true) }
        const shop = now.shop.ok - before.shop.ok + now.shop.failed - before.shop.failed
        const stopped = now.attacker.failed - before.attacker.failed
        return shop >= 400 && stopped >= 20 ? now : undefined
      },
      90_000,
    )
    const report = {
      shopOk: after.shop.ok - before.shop.ok,
      shopFailed: after.shop.failed - before.shop.failed,
      attackerReached: after.attacker.ok - before.attacker.ok,
      attackerStopped: after.attacker.failed - before.attacker.failed,
    }
    process.stderr.write(`counted by the programs themselves: ${JSON.stringify(report)}\n`)
    expect(report, after.shop.errors.join('\n')).toMatchObject({ shopFailed: 0, attackerReached: 0 })
    expect(lab.programs.size).toBeGreaterThanOrEqual(14)
  }, 150_000)
})
