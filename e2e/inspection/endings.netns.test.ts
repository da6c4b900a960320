import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, type OnDeny, validatePolicy } from '@sekisho/policy'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'

const run = promisify(execFile)
/** Seconds: what is denied and not told would wait for so long, and then end with another code. */
const PATIENCE = '60'
/** Of curl(1): failed to connect; the connection was reset. */
const CURL = { refused: 7, reset: 56 } as const

const CONF = (dir: string) => `
daemon off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1;
events { worker_connections 256; }
http {
  access_log ${dir}/access.log; client_body_temp_path ${dir}; proxy_temp_path ${dir};
  fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  client_header_timeout 3600; client_body_timeout 3600; keepalive_timeout 3600;
  server {
    listen 80; listen [::]:80; listen 81; listen [::]:81;
    location / { return 200 "$request_method $uri\\n"; }
  }
}`

const policy = (onDeny: OnDeny) => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { namespace: 'shop', name: 'api' },
  spec: {
    subject: { podSelector: { matchLabels: { app: 'api' } } },
    mode: 'Enforce',
    onDeny,
    ingress: [
      { ports: [{ port: 80 }], l7: [{ http: { path: { prefix: '/public' } } }] },
      { ports: [{ port: 6379 }], l7: [{ redis: { commands: ['GET', 'SET'] } }] },
    ],
  },
})

/** What a program said, and how it ended. */
interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

describeAsRoot('the end of a denied conversation', () => {
  let topology: Topology
  let dir: string
  let inspected: InspectedNode | undefined
  const servers: ChildProcess[] = []
  const model = createModel()

  const start = (...command: readonly string[]) => {
    const { netns } = topology.pod('api')
    servers.push(spawn('ip', ['netns', 'exec', netns, ...command], { stdio: 'ignore' }))
  }
  const inspect = () =>
    inspectForwarded(topology.node, model, {
      onTold: () => undefined,
      onRequests: () => undefined,
      onLost: () => undefined,
      onFailed: error => expect.fail(error.message),
    })
  async function deniesBy(onDeny: OnDeny): Promise<void> {
    const read = validatePolicy(policy(onDeny))
    if (!read.ok) throw new TypeError(JSON.stringify(read.error))
    const change = { policies: { set: [read.value] } }
    if (inspected) await inspected.change(change)
    else model.update(change)
  }

  beforeAll(async () => {
    topology = buildTopology({ prefix: `ie${process.pid}`, pods: ['web', 'api'] })
    dir = mkdtempSync(join(tmpdir(), 'sekisho-endings-'))
    writeFileSync(join(dir, 'nginx.conf'), CONF(dir))
    start('nginx', '-c', join(dir, 'nginx.conf'))
    start('redis-server', '--port', '6379', '--protected-mode', 'no', '--save', '', '--bind', '0.0.0.0', '::')
    const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
    model.update({ namespaces: { set: [SHOP] }, workloads: { set: workloads } })
    await deniesBy('reset')
    inspected = await inspect()
    await vi.waitFor(async () => expect((await curl(4, '/public')).stdout).toContain('GET /public'))
    await vi.waitFor(async () => expect((await redis(4, 'SET', 'a', '1')).stdout).toBe('OK\n'))
  })
  afterAll(async () => {
    await inspected?.[Symbol.asyncDispose]()
    for (const server of servers) server.kill()
    topology?.[Symbol.dispose]()
    rmSync(dir, { recursive: true, force: true })
  })

  const inWeb = (...command: readonly string[]): Promise<Ended> =>
    run('ip', ['netns', 'exec', topology.pod('web').netns, ...command]).then(
      said => ({ ...said, code: 0 }),
      (failed: Ended) => failed,
    )
  const server = (family: 4 | 6) => {
    const [ip4, ip6] = topology.pod('api').addresses
    return family === 4 ? ip4 : ip6
  }
  const host = (family: 4 | 6) => (family === 4 ? server(4) : `[${server(6)}]`)
  const curl = (family: 4 | 6, path: string, ...more: readonly string[]) =>
    inWeb('curl', '-sS', '-m', PATIENCE, ...more, `http://${host(family)}${path}`)
  const redis = (family: 4 | 6, ...command: readonly string[]) =>
    inWeb('redis-cli', '-h', server(family), '-e', ...command)
  /** Connections of the server's that it believes to be open. */
  async function open(port: number): Promise<number> {
    const { stdout } = await run('ip', [
      'netns',
      'exec',
      topology.pod('api').netns,
      'ss',
      '-Htn',
      `sport = :${port}`,
    ])
    return stdout.trim() === '' ? 0 : stdout.trim().split('\n').length
  }
  const serverLetsGo = (port: number) => vi.waitFor(async () => expect(await open(port)).toBe(0))
  const log = () => readFileSync(join(dir, 'access.log'), 'utf8')

  describe.each([4, 6] as const)('over IPv%i', family => {
    test('a reset: the client hears of it, and the server has no connection left', async () => {
      await deniesBy('reset')
      expect(await curl(family, '/private-reset')).toMatchObject({ code: CURL.reset, stdout: '' })
      await serverLetsGo(80)
      expect(log()).not.toContain('/private')
    })

    test('a reset of a connection that was good until then', async () => {
      await deniesBy('reset')
      const { code, stdout } = await curl(family, '/private', `http://${host(family)}/public/0`)
      expect([code, stdout]).toEqual([CURL.reset, 'GET /public/0\n'])
      await serverLetsGo(80)
    })

    test('a port that nobody may reach is closed', async () => {
      await deniesBy('reset')
      expect(await curl(family, ':81/public')).toMatchObject({ code: CURL.refused })
      await serverLetsGo(81)
    })

    test('an answer, which names no rule, and nothing of the request reaches the server', async () => {
      await deniesBy('respond')
      const { code, stdout } = await curl(family, '/private', '-i')
      expect(code).toBe(0)
      expect(stdout).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/)
      expect(stdout).not.toMatch(/sekisho|shop/i)
      await serverLetsGo(80)
      expect(log()).not.toContain('/private')
    })

    test('an answer to the second request of a connection, and to HEAD', async () => {
      await deniesBy('respond')
      const code = ['-w', '%{http_code}\n']
      const { stdout } = await curl(family, '/private', ...code, `http://${host(family)}/public/0`)
      expect(stdout).toBe('GET /public/0\n200\n403\n')
      expect((await curl(family, '/private', '-I', '-o', '/dev/null', ...code)).stdout).toBe('403\n')
      await serverLetsGo(80)
    })

    test('an answer to a request whose content is still on its way', async () => {
      await deniesBy('respond')
      const content = join(dir, 'content')
      writeFileSync(content, new Uint8Array(4_000_000))
      const { stdout } = await curl(family, '/private', '-w', '%{http_code}', '--data-binary', `@${content}`)
      expect(stdout).toBe('403')
      await serverLetsGo(80)
    })

    test('an answer that names the rule where policy says so', async () => {
      await deniesBy('explain')
      const { stdout } = await curl(family, '/private', '-i')
      expect(stdout).toContain('\r\nSekisho-Denied-By: SecurityPolicy/shop/api#ingress\r\n')
    })

    test('what is no HTTP is reset, however HTTP is answered', async () => {
      await deniesBy('respond')
      expect((await redis(family, 'GET', 'a')).stdout).toBe('1\n')
      const { code, stderr, stdout } = await redis(family, 'DEL', 'a')
      expect(code).toBe(1)
      expect(stderr + stdout).toMatch(/reset by peer|closed the connection/i)
      expect((await redis(family, 'GET', 'a')).stdout).toBe('1\n')
      await serverLetsGo(6379)
    })
  })

  test('a connection whose reader has died ends with its next packet, for both', async () => {
    await deniesBy('reset')
    const { netns } = topology.pod('web')
    const script = `exec 3<>/dev/tcp/${server(4)}/80
      printf 'GET /public/before HTTP/1.1\\r\\nHost: api\\r\\n\\r\\n' >&3; read -u 3 line; echo "$line"; read go
      printf 'GET /public/after HTTP/1.1\\r\\nHost: api\\r\\n\\r\\n' >&3; while read -u 3 line; do :; done; echo over`
    const client = spawn('ip', ['netns', 'exec', netns, 'bash', '-c', script])
    let said = ''
    client.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await vi.waitFor(() => expect(said).toContain('HTTP/1.1 200'))
    await inspected?.[Symbol.asyncDispose]()
    inspected = await inspect()
    client.stdin.write('\n')
    await vi.waitFor(() => expect(said).toContain('over'))
    await serverLetsGo(80)
    expect(log()).not.toContain('/public/after')
  })
})
