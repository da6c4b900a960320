import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Inspector, type Notice } from '@sekisho/dataplane'
import { Identifier, PROTOCOLS } from '@sekisho/inspect'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, validatePolicy } from '@sekisho/policy'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { openQueued, type Queued } from './queued.ts'

const run = promisify(execFile)

const CONF = (dir: string) => `
daemon off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1;
events { worker_connections 256; }
http {
  access_log ${dir}/access.log; client_body_temp_path ${dir}; proxy_temp_path ${dir};
  fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  server {
    listen 80; listen [::]:80;
    location / { return 200 "$request_method $uri\\n"; }
    location /big { alias ${dir}/big; }
  }
}`

const POLICY = {
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { namespace: 'shop', name: 'api' },
  spec: {
    subject: { podSelector: { matchLabels: { app: 'api' } } },
    mode: 'Enforce',
    ingress: [{ l7: [{ http: { methods: ['GET'], path: { prefix: '/public' } } }] }],
  },
}

const ISOLATED = 'isolated SecurityPolicy/shop/api#ingress'

describeAsRoot('requests of queued conversations', () => {
  let topology: Topology
  let dir: string
  let nginx: ChildProcess
  let queued: Queued
  const notices: Notice[] = []
  const denied: string[] = []

  beforeAll(async () => {
    topology = buildTopology({ prefix: `iq${process.pid}`, pods: ['web', 'api'] })
    dir = mkdtempSync(join(tmpdir(), 'sekisho-inspection-'))
    writeFileSync(join(dir, 'nginx.conf'), CONF(dir))
    writeFileSync(join(dir, 'big'), new Uint8Array(20_000_000))
    const api = topology.pod('api')
    nginx = spawn('ip', ['netns', 'exec', api.netns, 'nginx', '-c', join(dir, 'nginx.conf')], {
      stdio: 'ignore',
    })
    const model = createModel()
    const policy = validatePolicy(POLICY)
    if (!policy.ok) throw new TypeError(JSON.stringify(policy.error))
    model.update({ policies: { set: [policy.value] } })
    const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
    model.update({ namespaces: { set: [SHOP] }, workloads: { set: workloads } })
    const inspector = new Inspector({
      identifier: new Identifier({ protocols: PROTOCOLS }),
      identify: true,
      terms: ({ client, server, protocol, port }) => {
        const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
        return { ask: facts => model.decide({ ...query, facts }), facts: {}, onFailure: 'closed' }
      },
      notice: (_ends, notice) => notices.push(notice),
      denied: (_ends, watch) => denied.push(`${watch.answer.why} ${watch.answer.by ?? ''}`.trim()),
    })
    queued = openQueued(topology.node, inspector)
    await vi.waitFor(async () => expect((await get('/public')).stdout).toContain('GET /public'))
  })
  afterAll(() => {
    queued?.[Symbol.dispose]()
    nginx?.kill()
    topology?.[Symbol.dispose]()
    rmSync(dir, { recursive: true, force: true })
  })
  beforeEach(() => {
    notices.length = 0
    denied.length = 0
  })

  /** One curl, so one connection that is kept alive, for all paths. */
  function get(...paths: readonly string[]) {
    const { netns } = topology.pod('web')
    const [ip] = topology.pod('api').addresses
    const urls = paths.map(path => `http://${ip}${path}`)
    return run('ip', ['netns', 'exec', netns, 'curl', '-sS', '-m', '3', '--path-as-is', ...urls])
  }

  test('every request of a connection that is kept alive is judged', async () => {
    expect((await get('/public/1', '/public/2', '/public/3')).stdout).toBe(
      'GET /public/1\nGET /public/2\nGET /public/3\n',
    )
    const judged = notices.flatMap(notice => (notice.kind === 'judged' ? [notice.answer.verdict] : []))
    expect(judged).toEqual(['allow', 'allow', 'allow'])
    expect(notices).toContainEqual(expect.objectContaining({ kind: 'identified', application: 'http' }))
  })

  test('the first forbidden request is stopped, and never reaches the server', async () => {
    const { stdout, stderr } = await get('/public/1', '/private', '/public/2')
    expect(stdout).toBe('GET /public/1\nGET /public/2\n')
    expect(stderr).toContain('timed out')
    expect(denied).toEqual([ISOLATED])
    expect(readLog()).not.toContain('/private')
  })

  test('a way around the path is no way around the policy', async () => {
    await expect(get('/public/../private')).rejects.toThrow()
    await expect(get('/public/%2e%2e/private')).rejects.toThrow()
    expect(readLog()).not.toContain('private')
  })

  test('another application on the allowed port is denied with its first bytes', async () => {
    const { netns } = topology.pod('web')
    const [ip] = topology.pod('api').addresses
    const script = `exec 3<>/dev/tcp/${ip}/80; printf 'SSH-2.0-x\\r\\n' >&3; read -t 2 -u 3 line`
    await expect(run('ip', ['netns', 'exec', netns, 'bash', '-c', script])).rejects.toThrow()
    expect(denied).toEqual([ISOLATED])
  })

  const readLog = () => readFileSync(join(dir, 'access.log'), 'utf8')
})
