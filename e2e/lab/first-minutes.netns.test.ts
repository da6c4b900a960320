import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
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
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, apiOf, programmed, recordedUpTo, until } from './api.ts'
import { everythingDone, openTally, tried } from './counts.ts'

const root = join(import.meta.dirname, '../..')

/** The commands of a page's `sh` blocks, one a line, in order. */
const commands = (page: string): string[] =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(block =>
    (block[1] ?? '').trim().split('\n'),
  )

describeAsRoot('the first five minutes', () => {
  let lab: Lab
  let api: Api
  let scratch: string
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'sekisho-readme-'))
    lab = await startLab({
      prefix: 'sekisho-f',
      runDir: '/run/sekisho-first',
      port: 20_443,
      report: line => void process.stderr.write(line),
    })
    api = apiOf(lab)
  }, 600_000)
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]()
    rmSync(scratch, { recursive: true })
  }, 120_000)

  /** As the page has it, but in this lab and not in the one that may run here. */
  const execute = (command: string) =>
    promisify(execFile)('bash', ['-c', command.replaceAll('/tmp/', `${scratch}/`)], {
      cwd: root,
      env: {
        ...process.env,
        NO_COLOR: '1',
        SEKISHO_LAB_DIR: lab.runDir,
        SEKISHO_SERVER: lab.console?.url,
        SEKISHO_TOKEN: lab.console?.token,
      },
    })

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
    const map = await until('every namespace, and an edge on the map', async () => {
      const view = await api.get<MapView>('map?window=15m')
      return view.edges.length > 0 && view.nodes.length > 10 && view.namespaces.length >= 4 ? view : undefined
    })
    expect(new Set(map.namespaces.map(({ name }) => name))).toEqual(
      new Set(['shop', 'payments', 'monitoring', 'kube-system']),
    )
  }, 300_000)

  test('the attacker is noticed', async () => {
    lab.startCampaign()
    const attention = await until('port scan and metadata probe under attention', async () => {
      const { attention } = await api.get<Overview>('overview?window=15m')
      const codes = new Set<string>(attention.map(({ code }) => code))
      return codes.has('port-scan') && codes.has('metadata-probe') ? attention : undefined
    })
    for (const item of attention.filter(({ code }) => code === 'port-scan'))
      expect(item.workload).toContain('legacy-cms')
  }, 300_000)

  test.each(['README.md', 'README.ja.md'])(
    'every command of %s does what it says',
    async page => {
      for (const command of commands(page)) {
        const result = await execute(command)
        expect(result.stderr, command).toBe('')
      }
      const { items } = await api.get<{ items: PolicyView[] }>('policies')
      expect(items.length).toBeGreaterThan(5)
      expect(new Set(items.map(({ mode }) => mode))).toEqual(new Set(['Enforce']))
      await withoutPolicies()
    },
    900_000,
  )

  test('suggest, simulate, enforce: the attacker is stopped and nothing of the shop breaks', async () => {
    await everythingDone(lab)
    await recordedUpTo(api, new Date())
    const { yaml, excluded } = await api.post<SuggestionView>('policies/suggest', { window: '1h' })
    expect(excluded.length).toBeGreaterThan(0)
    expect(excluded.every(({ source }) => source.includes('legacy-cms'))).toBe(true)

    const simulation = await api.post<SimulationView>('policies/simulate', { yaml, window: '1h' })
    expect(simulation.legitimateBroken).toBe(0)
    expect(simulation.attacksDenied).toBeGreaterThan(0)

    await api.post<ChangeView>('policies/apply', { yaml, mode: 'Enforce' })
    await programmed(api)
    const outcome = await tried(await openTally(lab), { shop: 400, attacker: 20 })
    process.stderr.write(`counted by the programs themselves: ${JSON.stringify(outcome)}\n`)
    expect(outcome).toMatchObject({ shopFailed: [], attackerReached: [] })
    expect(lab.programs.size).toBeGreaterThanOrEqual(14)
  }, 600_000)
})
