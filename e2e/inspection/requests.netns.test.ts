import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CountedRequests, Told } from '@sekisho/dataplane'
import { openNetns } from '@sekisho/linux'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, type ModelChange, validatePolicy } from '@sekisho/policy'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'

const run = promisify(execFile)
const BIG_BYTES = 20_000_000

const CONF = (dir: string) => `
daemon off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1;
events { worker_connections 256; }
http {
  access_log ${dir}/access.log; client_body_temp_path ${dir}; proxy_temp_path ${dir};
  fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  server {
    listen 80; listen [::]:80; listen 81; listen [::]:81;
    location / { return 200 "$request_method $uri\\n"; }
    location /big { alias ${dir}/big; }
  }
}`

/** On port 80 some requests, on port 81 whatever is HTTP. */
const policy = (prefix: string) => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { namespace: 'shop', name: 'api' },
  spec: {
    subject: { podSelector: { matchLabels: { app: 'api' } } },
    mode: 'Enforce',
    ingress: [
      {
        ports: [{ protocol: 'TCP', port: 80 }],
        l7: [{ http: { methods: ['GET'], path: { prefix } } }],
      },
      { ports: [{ protocol: 'TCP', port: 81 }], applications: ['http'] },
    ],
  },
})
const ISOLATED = 'SecurityPolicy/shop/api#ingress'

function allowing(prefix: string): ModelChange {
  const read = validatePolicy(policy(prefix))
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return { policies: { set: [read.value] } }
}

describeAsRoot('requests of queued conversations', () => {
  let topology: Topology
  let dir: string
  let nginx: ChildProcess
  let inspected: InspectedNode
  const model = createModel()
  const notices: Told['notice'][] = []
  const requests: CountedRequests[] = []

  beforeAll(async () => {
    topology = buildTopology({ prefix: `iq${process.pid}`, pods: ['web', 'api'] })
    dir = mkdtempSync(join(tmpdir(), 'sekisho-inspection-'))
    writeFileSync(join(dir, 'nginx.conf'), CONF(dir))
    writeFileSync(join(dir, 'big'), new Uint8Array(BIG_BYTES))
    const api = topology.pod('api')
    nginx = spawn('ip', ['netns', 'exec', api.netns, 'nginx', '-c', join(dir, 'nginx.conf')], {
      stdio: 'ignore',
    })
    const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
    model.update({ namespaces: { set: [SHOP] }, workloads: { set: workloads } })
    model.update(allowing('/public'))
    inspected = await inspectForwarded(topology.node, model, {
      onTold: told => notices.push(...told.map(({ notice }) => notice)),
      onRequests: counted => requests.push(...counted),
      onLost: count => expect.fail(`${count} notices lost`),
      onFailed: error => expect.fail(error.message),
    })
    await vi.waitFor(async () => expect((await get('/public')).stdout).toContain('GET /public'))
  })
  afterAll(async () => {
    await inspected?.[Symbol.asyncDispose]()
    nginx?.kill()
    topology?.[Symbol.dispose]()
    rmSync(dir, { recursive: true, force: true })
  })
  beforeEach(() => {
    notices.length = 0
    requests.length = 0
  })

  const inWeb = (...command: readonly string[]) =>
    run('ip', ['netns', 'exec', topology.pod('web').netns, ...command])
  /** One curl, so one connection that is kept alive as long as the server lets it. */
  function get(...paths: readonly string[]) {
    const [ip4] = topology.pod('api').addresses
    return inWeb('curl', '-sS', '-m', '3', '--path-as-is', ...paths.map(path => `http://${ip4}${path}`))
  }
  /** How often a conversation was stopped, and by which rule. */
  const stopped = () =>
    notices.flatMap(notice => (notice.kind === 'denied' ? [String(notice.answer.enforced.by)] : []))
  const readLog = () => readFileSync(join(dir, 'access.log'), 'utf8')
  /** Packets that the kernel has put into the queues since the start. */
  const queued = () =>
    openNetns(topology.node)
      .run(() => readFileSync('/proc/thread-self/net/netfilter/nfnetlink_queue', 'utf8'))
      .trim()
      .split('\n')
      .reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[7]), 0)

  test('every request of a connection that is kept alive is judged', async () => {
    const { stdout } = await get('/public/1', '/public/2', '/public/3')
    expect(stdout).toBe('GET /public/1\nGET /public/2\nGET /public/3\n')
    await vi.waitFor(() => {
      for (const path of ['/public/1', '/public/2', '/public/3']) {
        expect(requests).toContainEqual(
          expect.objectContaining({
            request: expect.stringMatching(`^GET .*${path}$`),
            outcome: 'allowed',
            count: 1,
          }),
        )
      }
    })
    const names = notices.flatMap(notice => (notice.kind === 'identified' ? [notice.application] : []))
    expect(new Set(names)).toEqual(new Set(['http']))
  })

  test('the first forbidden request is stopped, and never reaches the server', async () => {
    const { stdout, stderr } = await get('/public/1', '/private', '/public/2')
    expect(stdout).toBe('GET /public/1\nGET /public/2\n')
    expect(stderr).toContain('timed out')
    await vi.waitFor(() => expect(stopped()).toEqual([ISOLATED]))
    expect(readLog()).not.toContain('/private')
  })

  test('IPv6 likewise', async () => {
    const [, ip6] = topology.pod('api').addresses
    const ask = (path: string) => inWeb('curl', '-sS', '-m', '3', `http://[${ip6}]${path}`)
    expect((await ask('/public/6')).stdout).toBe('GET /public/6\n')
    await expect(ask('/private')).rejects.toMatchObject({ stdout: '' })
    expect(readLog()).not.toContain('/private')
  })

  test('a way around the path is no way around the policy', async () => {
    await expect(get('/public/../private')).rejects.toMatchObject({ stdout: '' })
    await expect(get('/public/%2e%2e/private')).rejects.toMatchObject({ stdout: '' })
    expect(readLog()).not.toContain('private')
  })

  test('another application on an allowed port is denied by its first bytes', async () => {
    const [ip4] = topology.pod('api').addresses
    const script = `exec 3<>/dev/tcp/${ip4}/81; printf 'SSH-2.0-x\\r\\n' >&3; read -t 2 -u 3 line && echo "$line"`
    await expect(inWeb('bash', '-c', script)).rejects.toMatchObject({ stdout: '' })
    await vi.waitFor(() => expect(stopped()).toEqual([ISOLATED]))
  })

  test('what needs no further look leaves the queue', async () => {
    const [ip4] = topology.pod('api').addresses
    const before = queued()
    const { stdout } = await inWeb(
      'curl',
      '-sS',
      '-o',
      '/dev/null',
      '-w',
      '%{size_download}',
      `http://${ip4}:81/big`,
    )
    expect(stdout).toBe(String(BIG_BYTES))
    // The handshake and the request: of 20 MB, in packets of at most 64 KiB, more than 300 passed beside the queue.
    expect(queued() - before).toBeLessThan(20)
  })

  test('of a conversation that is read request by request, only requests are queued', async () => {
    const paths = Array.from({ length: 60 }, (_, at) => `/public/only/${at}`)
    const before = queued()
    const [ip4] = topology.pod('api').addresses
    // Large enough to have the server's acknowledgements looked at once in a while.
    const { stdout } = await inWeb(
      'curl',
      '-sS',
      '-H',
      `x-padding: ${'x'.repeat(1_500)}`,
      ...paths.map(path => `http://${ip4}${path}`),
    )
    expect(stdout).toBe(paths.map(path => `GET ${path}\n`).join(''))
    await vi.waitFor(() =>
      expect(requests.filter(({ request }) => request.includes('/only/'))).toHaveLength(60),
    )
    const packets = queued() - before
    expect(packets).toBeGreaterThan(60)
    expect(packets).toBeLessThan(100)
  })

  test('a policy that changes is asked by the next request of an open connection', async () => {
    const [ip4] = topology.pod('api').addresses
    const script = `exec 3<>/dev/tcp/${ip4}/80
      ask() { printf 'GET %s HTTP/1.1\\r\\nHost: api\\r\\n\\r\\n' "$1" >&3; while read -t 5 -u 3 line; do [[ $line == GET* ]] && break; done; echo "$line"; }
      ask /public/old; read go; ask /public/new`
    const client = spawn('ip', ['netns', 'exec', topology.pod('web').netns, 'bash', '-c', script])
    let said = ''
    client.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await vi.waitFor(() => expect(said).toContain('GET /public/old'))
    await inspected.change(allowing('/other'))
    client.stdin.write('\n')
    await vi.waitFor(() => expect(stopped()).toEqual([ISOLATED]))
    expect(readLog()).not.toContain('/public/new')
    client.kill()
    await inspected.change(allowing('/public'))
    expect((await get('/public/again')).stdout).toBe('GET /public/again\n')
  })
})
