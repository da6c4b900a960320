import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TokenCreated } from '@sekisho/control'
import type { Flow } from '@sekisho/core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { run } from '../../apps/cli/src/run.ts'
import { captured } from '../../apps/cli/test/captured.ts'
import {
  batch,
  flow,
  type Identity,
  join as joinAs,
  shop,
  upload,
  workload,
} from '../../apps/server/test/agent.ts'
import { policyYaml, startTestServer, type TestServer } from '../../apps/server/test/harness.ts'

/** The commands that ask a server, and the server itself. */
const folder = mkdtempSync(join(tmpdir(), 'sekisho-cli-'))
const [web, api] = [workload('n1', 'web', '10.1.0.1'), workload('n1', 'api', '10.1.0.2')]
const FILE = join(folder, 'api.yaml')
const ID = 'SecurityPolicy/shop/api'

let server: TestServer
let identity: Required<Identity>
let access: readonly string[]
let sequence = 0
const tell = async (...flows: readonly Flow[]) => {
  const answer = await upload(server, identity, batch('n1', ++sequence, { flows }))
  expect(answer.status).toBe(200)
}
const sekisho = (...args: string[]) => captured(...args, ...access)
const json = async (...args: string[]): Promise<unknown> => {
  const { code, stdout, stderr } = await sekisho(...args, '-o', 'json')
  expect({ code, stderr }).toMatchObject({ code: 0 })
  return JSON.parse(stdout)
}

beforeAll(async () => {
  server = await startTestServer()
  identity = await joinAs(server, 'n1')
  const now = server.time.clock.now()
  const events = [{ code: 'agent-started', severity: 'info', at: now, details: { version: '1' } }] as const
  const first = { workloads: [web, api], namespaces: shop, flows: [flow(now, web, api)], events }
  expect((await upload(server, identity, batch('n1', ++sequence, first))).status).toBe(200)
  const client = await server.login()
  const { token } = await client.post<TokenCreated>('tokens', { name: 'cli', expiresInDays: 1 })
  access = ['--server', server.url, '--token', token]
  writeFileSync(FILE, policyYaml('api'))
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

describe('what was seen', () => {
  test('flows: as a table, narrowed by the console’s words, and named', async () => {
    const { code, stdout } = await sekisho('flows', '-o', 'wide')
    expect(code).toBe(0)
    expect(stdout).toMatch(/allowed +shop\/web +shop\/api +443\/TCP +- +3 /)
    expect(await json('flows', 'src:shop/web')).toHaveLength(1)
    expect(await json('flows', 'src:shop/api')).toEqual([])
    expect(await json('flows', '-n', 'shop', 'not:verdict:denied')).toHaveLength(1)
    expect((await sekisho('flows', '-o', 'name')).stdout).toMatch(/^flow\/\S+\n$/)
    expect(await sekisho('flows', 'verdict:denied', '--no-headers')).toMatchObject({ code: 0, stdout: '' })
  })

  test('flows -f: each as it comes, until one has enough', async () => {
    const shown: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation(text => shown.push(String(text)) > 0)
    const ended = run(['flows', '-f', 'port:8443', '-o', 'json', ...access], 'sekisho')
    // The stream may still be opening: what is told before is not followed.
    await vi.waitFor(async () => {
      const now = server.time.clock.now()
      await tell({ ...flow(now, web, api), port: 8_443 }, { ...flow(now, web, api), port: 8_080 })
      server.time.advance(1_000)
      expect(shown).not.toEqual([])
    })
    process.emit('SIGINT')
    expect(await ended).toBe(0)
    vi.restoreAllMocks()
    expect(
      new Set(
        shown
          .join('')
          .trim()
          .split('\n')
          .map(line => (JSON.parse(line) as Flow).port),
      ),
    ).toEqual(new Set([8_443]))
  })

  test('events and workloads', async () => {
    expect(await json('events')).toEqual(
      expect.arrayContaining([expect.objectContaining({ code: 'agent-started' })]),
    )
    expect((await sekisho('workloads', '-o', 'name')).stdout).toBe('workload/shop/api\nworkload/shop/web\n')
    expect((await sekisho('workloads', '-n', 'elsewhere', '--no-headers')).stdout.trim()).toBe('')
  })

  test('status: what runs, and what needs attention', async () => {
    const { stdout } = await sekisho('status')
    expect(stdout).toContain('Workloads    2 in 1 namespaces')
    expect(stdout).toContain('Agents       0 of 1 connected')
    expect(stdout).toMatch(/Node {9}n1: away/)
    expect(stdout).toContain('no policy protects the namespace shop (2 workloads)')
  })

  test('explain: why, what was asked, and what would change it', async () => {
    const { code, stdout } = await sekisho('explain', 'shop/web', 'shop/api', '443')
    expect(code).toBe(0)
    expect(stdout).toContain('shop/web (10.1.0.1) may reach shop/api (10.1.0.2) on TCP 443.')
    expect((await sekisho('explain', 'shop/web', 'nobody/x', '443')).code).toBe(1)
  })
})

describe('policies', () => {
  const policies = async () => (await sekisho('policy', 'list', '-o', 'name')).stdout.trim()
  const mode = async () => ((await json('policy', 'get', 'api')) as { mode: string }).mode

  test('a file is compared, tried, applied, and then nothing differs', async () => {
    const before = await sekisho('policy', 'diff', '-f', FILE)
    expect(before).toMatchObject({ code: 1 })
    expect(before.stdout).toContain(`${ID} (new)`)
    expect((await sekisho('policy', 'apply', '-f', FILE, '--dry-run=server')).stdout).toContain(
      `${ID} created`,
    )
    expect(await policies()).toBe('')
    expect((await sekisho('policy', 'apply', '-f', FILE)).stdout).toContain(`${ID} created`)
    expect(await policies()).toBe(ID)
    expect(await sekisho('policy', 'diff', '-f', FILE)).toMatchObject({ code: 0, stdout: '' })
    expect((await sekisho('policy', 'get', 'shop/api')).stdout).toContain('kind: SecurityPolicy')
    expect((await sekisho('policy', 'list')).stdout).toMatch(/shop +api +SecurityPolicy +Audit +1 +1 /)
  })

  test('one that does not exist, or is named twice over, is refused', async () => {
    expect(await sekisho('policy', 'get', 'nobody')).toMatchObject({ code: 2, stdout: '' })
    expect(await sekisho('policy', 'delete')).toMatchObject({ code: 2, stdout: '' })
    expect(await policies()).toBe(ID)
  })

  test('a change takes itself back unless it is kept', async () => {
    const pending = async (wanted = 'Enforce') => {
      const { stdout } = await sekisho('policy', 'mode', wanted, 'api', '--revert-after', '5m')
      return /changes keep (\S+)/.exec(stdout)?.[1] ?? ''
    }
    await pending()
    expect(await mode()).toBe('Enforce')
    server.time.advance(5 * 60_000)
    expect(await mode()).toBe('Audit')
    const kept = await pending()
    expect((await sekisho('changes', 'keep', kept)).stdout).toBe(`change/${kept} kept\n`)
    server.time.advance(10 * 60_000)
    expect(await mode()).toBe('Enforce')
    const reverted = await pending('Audit')
    expect((await sekisho('changes', 'revert', reverted)).code).toBe(0)
    expect(await mode()).toBe('Enforce')
    const states = ((await json('changes')) as { id: string; state: string }[]).map(({ id, state }) => [
      id,
      state,
    ])
    expect(states).toEqual(expect.arrayContaining([[kept, 'kept']]))
    expect((await sekisho('changes', 'keep', 'none')).code).toBe(1)
  })

  test('what was seen is proposed, and replayed against what one has in mind', async () => {
    await tell(flow(server.time.clock.now(), web, api))
    const suggested = await sekisho('policy', 'suggest', '-n', 'shop')
    expect(suggested.code).toBe(0)
    expect(suggested.stdout).toContain('app: web')
    const other = join(folder, 'other.yaml')
    writeFileSync(other, policyYaml('api').replaceAll('443', '444'))
    const simulated = await sekisho('policy', 'simulate', '-f', other, '--mode', 'Enforce')
    expect(simulated.stdout).toMatch(/\d+ connections replayed: .* legitimate broken/)
    expect(simulated.stdout).toContain('shop/web → shop/api')
  })

  test('all can be taken away', async () => {
    expect((await sekisho('policy', 'delete', '--all')).stdout).toContain(`${ID} deleted`)
    expect(await policies()).toBe('')
  })
})

describe('agents', () => {
  test('are listed, and removed by name', async () => {
    expect((await sekisho('agents')).stdout).toMatch(/n1 +away/)
    expect(await sekisho('agents', 'remove', 'n1')).toMatchObject({ code: 0, stdout: 'agent/n1 removed\n' })
    expect((await sekisho('agents', '-o', 'name')).stdout.trim()).toBe('')
    expect((await sekisho('agents', 'remove', 'n1')).code).toBe(1)
    expect((await sekisho('agents', 'drop', 'n1')).code).toBe(2)
  })
})

test('a token that is not good is refused in one line', async () => {
  const { code, stdout, stderr } = await captured('flows', '--server', server.url, '--token', 'sekisho_wrong')
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^sekisho: .+\n$/)
})
