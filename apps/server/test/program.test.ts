import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { createInterface } from 'node:readline'
import type { EpochMs, NodeName } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { batch, flow, join, shop, upload, workload } from './agent.ts'
import { createClient, type TestServer } from './harness.ts'

/** The program itself, as a process: what only shows there. */
const MAIN = joinPath(import.meta.dirname, '../src/main.ts')
const clock = { now: () => Date.now() as EpochMs, monotonic: () => performance.now() }

let data: string
let running: ChildProcess[] = []
beforeEach(() => {
  data = mkdtempSync(joinPath(tmpdir(), 'sekisho-program-'))
})
afterEach(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  running = []
  rmSync(data, { recursive: true })
})

interface Entry {
  readonly level: string
  readonly message: string
  readonly url?: string
  readonly agents?: number
}

async function start(listen = '127.0.0.1:0') {
  const child = spawn(
    process.execPath,
    [MAIN, '--data', data, '--listen', listen, '--agents', '127.0.0.1:0'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  running.push(child)
  const entries: Entry[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    const entry = JSON.parse(line) as Entry // every line is one JSON object, or this test fails
    entries.push(entry)
    if (entry.message === 'listening') return { child, url: entry.url ?? '', agentsPort: entry.agents ?? 0 }
  }
  throw new Error(JSON.stringify(entries))
}

const command = (...args: string[]) =>
  execFileSync(process.execPath, [MAIN, ...args, '--data', data], { encoding: 'utf8' }).trim()

/** What the wire functions need to know of a server. */
const reach = ({ url, agentsPort }: { url: string; agentsPort: number }, login: TestServer['login']) =>
  ({ url, agentsPort, login }) as TestServer // they use nothing else of it

/** Each starts several processes. */
describe('the program', { timeout: 120_000 }, () => {
  test('prints links and tokens while it runs, keeps its files to itself, stops on SIGTERM', async () => {
    const server = await start()
    const link = command('login-link')
    expect(link.startsWith(`${server.url}/login#`)).toBe(true)
    const session = await createClient(server.url).login(link.slice(link.indexOf('#') + 1))
    expect(session.user).toBe('admin')
    expect(command('join-token')).toMatch(/^[\w-]{8}\.[\w-]{43}\.[0-9a-f]{64}$/)
    const headers = { authorization: `Bearer ${command('token')}` }
    expect((await fetch(`${server.url}/api/v1/flows`, { headers })).status).toBe(200)
    for (const name of readdirSync(data)) {
      if (/\.(?:key|db)/.test(name)) expect(statSync(joinPath(data, name)).mode & 0o077, name).toBe(0)
    }
    server.child.kill('SIGTERM')
    expect(await once(server.child, 'exit')).toEqual([0, null])
    expect(readdirSync(data)).not.toContain('server.json')
  })

  test('a wrong command line ends with 2 and says why', () => {
    expect(() => execFileSync(process.execPath, [MAIN, '--listen', 'x'], { stdio: 'pipe' })).toThrow(
      expect.objectContaining({ status: 2, stderr: expect.objectContaining({}) }),
    )
  })

  test('beyond loopback it speaks HTTPS with a certificate of its own authority', async () => {
    const server = await start('0.0.0.0:0')
    const url = new URL(server.url)
    expect(url.protocol).toBe('https:')
    const outgoing = request({
      host: '127.0.0.1',
      port: url.port,
      path: '/livez',
      ca: readFileSync(joinPath(data, 'ca.pem')),
    })
    outgoing.end()
    const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(200)
    expect(response.headers['strict-transport-security']).toMatch(/^max-age=/)
  })

  test('killed under load it loses nothing that it acknowledged', async () => {
    let server = await start()
    const login = async () => {
      const client = createClient(server.url)
      const link = command('login-link')
      await client.login(link.slice(link.indexOf('#') + 1))
      return client
    }
    const identity = await join(reach(server, login), 'n1')
    const [web, api] = [workload('n1', 'web', '10.1.0.1'), workload('n1', 'api', '10.1.0.2')]
    const now = Date.now()
    const send = (sequence: number) =>
      upload(
        reach(server, login),
        identity,
        batch('n1', sequence, { workloads: [web, api], namespaces: shop, flows: [flow(now, web, api)] }),
      )
    let acknowledged = 0
    const load = (async () => {
      for (let sequence = 1; ; sequence++) {
        const answer = await send(sequence).catch(() => undefined)
        if (answer?.status !== 200) return sequence
        acknowledged = sequence
      }
    })()
    await expect.poll(() => acknowledged, { timeout: 20_000 }).toBeGreaterThan(20)
    server.child.kill('SIGKILL')
    const unsure = await load
    server = await start()
    // The batch whose answer was lost is sent again, as an agent does.
    expect((await send(unsure)).status).toBe(200)
    using store = openStore({ path: joinPath(data, 'sekisho.db'), clock })
    const everything = { since: 0 as EpochMs, until: (Date.now() + 60_000) as EpochMs }
    expect(store.records.totals(everything).allowed).toBe(unsure * 3)
    expect(store.agents.get('n1' as NodeName)?.lastSeen).toBeGreaterThanOrEqual(now)
    expect(store.audit.verify()).toMatchObject({ intact: true })
  })
})
