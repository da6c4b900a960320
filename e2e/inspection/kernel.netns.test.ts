import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CountedRequests, InspectionRules, Told } from '@sekisho/dataplane'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, type PolicyDocument, validatePolicy } from '@sekisho/policy'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { NODE, SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'

const run = promisify(execFile)
const BIG_BYTES = 20_000_000
/** Seconds that a client waits for what is not to come. */
const PATIENCE = '2'
const FAMILIES = [4, 6] as const

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

function policy(name: string, spec: object): PolicyDocument {
  const read = validatePolicy({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'SecurityPolicy',
    metadata: { namespace: 'shop', name },
    spec: { subject: { podSelector: { matchLabels: { app: 'api' } } }, mode: 'Enforce', ...spec },
  })
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}
const HTTP = { protocol: 'TCP', port: 80 } as const
const OK = [{ http: { methods: ['GET'], path: { prefix: '/ok' } } }] as const
const reading = (onFailure: 'open' | 'closed') =>
  policy('api', { onFailure, ingress: [{ ports: [HTTP], l7: OK }] })

describeAsRoot('connections that policies leave open', () => {
  let topology: Topology
  let dir: string
  let node: InspectedNode | undefined
  const programs: ChildProcess[] = []
  const told: Told[] = []
  const requests: CountedRequests[] = []

  beforeAll(async () => {
    topology = buildTopology({ prefix: `ik${process.pid}`, pods: ['web', 'api'] })
    dir = mkdtempSync(join(tmpdir(), 'sekisho-kernel-'))
    for (const [name, netns] of [
      ['api', topology.pod('api').netns],
      ['node', topology.node],
    ] as const) {
      const own = mkdtempSync(join(dir, name))
      // For nginx, which serves as nobody.
      for (const path of [dir, own]) chmodSync(path, 0o755)
      writeFileSync(join(own, 'nginx.conf'), CONF(own))
      writeFileSync(join(own, 'big'), new Uint8Array(BIG_BYTES))
      start(netns, 'nginx', '-c', join(own, 'nginx.conf'))
    }
    start(topology.pod('api').netns, 'dnsmasq', '-k', '-C', '/dev/null', '-R', '-h', '--address=/#/192.0.2.7')
    await vi.waitFor(async () => {
      expect(await get('api', 4, '/x')).toBe('GET /x')
      expect(await get('node', 6, '/x')).toBe('GET /x')
      expect(await resolve('any.example.com')).toBe('192.0.2.7')
    })
  })
  afterAll(() => {
    for (const program of programs) program.kill()
    topology?.[Symbol.dispose]()
    rmSync(dir, { recursive: true, force: true })
  })
  afterEach(async () => {
    await node?.dataplane.uninstall()
    await node?.[Symbol.asyncDispose]()
    node = undefined
    told.length = 0
    requests.length = 0
  })

  function start(netns: string, ...command: readonly string[]): ChildProcess {
    const program = spawn('ip', ['netns', 'exec', netns, ...command], { stdio: ['pipe', 'pipe', 'ignore'] })
    programs.push(program)
    return program
  }
  const inWeb = (...command: readonly string[]) =>
    run('ip', ['netns', 'exec', topology.pod('web').netns, ...command])
  function host(of: 'api' | 'node', family: 4 | 6): string {
    const [ip4, ip6] = of === 'node' ? topology.nodeAddresses : topology.pod(of).addresses
    return family === 4 ? ip4 : `[${ip6}]`
  }
  async function get(of: 'api' | 'node', family: 4 | 6, path: string): Promise<string> {
    const { stdout } = await inWeb('curl', '-sS', '-m', '30', `http://${host(of, family)}${path}`)
    return stdout.trim()
  }
  const isStopped = (of: 'api' | 'node', family: 4 | 6, path: string) =>
    expect(inWeb('curl', '-sS', '-m', PATIENCE, `http://${host(of, family)}${path}`)).rejects.toMatchObject({
      stdout: '',
    })
  async function resolve(name: string): Promise<string> {
    const server = `@${topology.pod('api').addresses[0]}`
    const { stdout } = await inWeb('dig', '+short', '+tries=1', `+time=${PATIENCE}`, server, name)
    return stdout.trim()
  }
  /** What a client of one connection said it has read, and a way to have it ask again. */
  function client(family: 4 | 6) {
    const script = `exec 3<>/dev/tcp/${host('api', family).replace(/[[\]]/g, '')}/80
      while read path; do
        printf 'GET %s HTTP/1.1\\r\\nHost: api\\r\\n\\r\\n' "$path" >&3
        while read -u 3 line; do [[ $line == GET* ]] && break; done
        echo "$line"
      done`
    const program = start(topology.pod('web').netns, 'bash', '-c', script)
    let said = ''
    program.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    return {
      ask: (path: string) => void program.stdin?.write(`${path}\n`),
      said: () => said,
    }
  }

  async function open(
    policies: readonly PolicyDocument[],
    rules: Partial<InspectionRules> = {},
  ): Promise<InspectedNode> {
    const model = createModel()
    model.update({
      namespaces: { set: [SHOP] },
      nodes: { set: [{ name: NODE, addresses: topology.nodeAddresses }] },
      workloads: { set: [...topology.pods.values()].map(pod => workloadOf(pod)) },
      policies: { set: policies },
    })
    node = await inspectForwarded(topology.node, model, {
      rules: { identify: 'off', ...rules },
      addresses: topology.nodeAddresses,
      onTold: all => told.push(...all),
      onRequests: counted => requests.push(...counted),
      onLost: count => expect.fail(`${count} notices lost`),
      onFailed: error => expect.fail(error.message),
    })
    return node
  }
  const counts = async (of: InspectedNode) => {
    const { queued, released } = await of.dataplane.counters()
    return { queued: queued.packets, released: released.packets }
  }

  test.each(FAMILIES)('over IPv%i some requests pass, others do not', async family => {
    const at = await open([reading('closed')])
    expect(await get('api', family, '/ok/1')).toBe('GET /ok/1')
    await isStopped('api', family, '/other')
    expect((await counts(at)).queued).toBeGreaterThan(0)
  })

  test.each(FAMILIES)('over IPv%i what ports decide is never queued', async family => {
    const at = await open([policy('api', { ingress: [{ ports: [HTTP] }] })])
    expect(await get('api', family, '/other')).toBe('GET /other')
    expect(await counts(at)).toEqual({ queued: 0, released: 0 })
  })

  test.each(FAMILIES)('over IPv%i a long transfer leaves the queue', async family => {
    const at = await open([policy('api', { ingress: [{ ports: [HTTP], applications: ['http'] }] })])
    const url = `http://${host('api', family)}/big`
    const { stdout } = await inWeb('curl', '-sS', '-o', '/dev/null', '-w', '%{size_download}', url)
    expect(stdout).toBe(String(BIG_BYTES))
    const { queued, released } = await counts(at)
    // 20 MB, in packets of at most 64 KiB, are more than 300.
    expect(queued).toBeLessThan(20)
    expect(released).toBeGreaterThan(0)
  })

  test('what only one side leaves open is denied at once where the other denies for good', async () => {
    const egress = policy('web', {
      subject: { podSelector: { matchLabels: { app: 'web' } } },
      egress: [{ to: [{ podSelector: { matchLabels: { app: 'nobody' } } }] }],
    })
    const at = await open([reading('open'), egress])
    await isStopped('api', 4, '/ok')
    expect((await counts(at)).queued).toBe(0)
  })

  describe.each(FAMILIES)('over IPv%i, when the threads have died under traffic', family => {
    test('closed: nothing passes until they are back', async () => {
      const at = await open([reading('closed')])
      const { ask, said } = client(family)
      ask('/ok/before')
      await vi.waitFor(() => expect(said()).toContain('GET /ok/before'))
      await at.closeThreads()
      ask('/ok/after')
      await isStopped('api', family, '/ok/anew')
      expect(said()).not.toContain('GET /ok/after')
      await at.openThreads()
      expect(await get('api', family, '/ok/again')).toBe('GET /ok/again')
    })

    test('open: everything passes until they are back', async () => {
      const at = await open([reading('open')])
      const { ask, said } = client(family)
      ask('/ok/before')
      await vi.waitFor(() => expect(said()).toContain('GET /ok/before'))
      await at.closeThreads()
      ask('/ok/after')
      await vi.waitFor(() => expect(said()).toContain('GET /ok/after'))
      expect(await get('api', family, '/other')).toBe('GET /other')
      await at.openThreads()
      await isStopped('api', family, '/other')
    })
  })

  test('a connection that was released is judged by the policies of now', async () => {
    const asking = (...applications: readonly string[]) =>
      policy('api', { ingress: [{ ports: [HTTP], applications }] })
    const at = await open([asking('http')])
    const { ask, said } = client(4)
    ask('/one')
    await vi.waitFor(() => expect(said()).toContain('GET /one'))
    expect((await counts(at)).released).toBeGreaterThan(0)
    await at.change({ policies: { set: [asking('redis')] } })
    const { queued } = await counts(at)
    ask('/two')
    // Queued again, and repeated by the client, since it does not pass.
    await vi.waitFor(async () => expect((await counts(at)).queued).toBeGreaterThan(queued + 1))
    expect(said()).not.toContain('/two')
  })

  test.each(FAMILIES)(
    'over IPv%i what a workload asks its node is read on its way in and out',
    async family => {
      const at = await open([
        policy('web', {
          subject: { podSelector: { matchLabels: { app: 'web' } } },
          egress: [{ to: [{ entity: 'host' }], ports: [HTTP], l7: OK }],
        }),
      ])
      expect(await get('node', family, '/ok/1')).toBe('GET /ok/1')
      await isStopped('node', family, '/other')
      expect((await counts(at)).queued).toBeGreaterThan(0)
    },
  )

  test('UDP: names that may be asked for, and others', async () => {
    const dns = { ports: [{ protocol: 'UDP', port: 53 }], l7: [{ dns: { names: ['*.example.com'] } }] }
    const at = await open([policy('api', { ingress: [dns] })])
    expect(await resolve('www.example.com')).toBe('192.0.2.7')
    await expect(resolve('www.example.org')).rejects.toThrow()
    expect((await counts(at)).queued).toBeGreaterThan(0)
  })

  test('bits that others write into the packet’s mark release nothing, and stay where nothing is inspected', async () => {
    const table = `table inet others {
      chain before { type filter hook prerouting priority -150; meta mark set 0x00f00001; }
      chain after { type filter hook postrouting priority 0; meta mark & 0x00f00001 == 0x00f00001 counter; }
    }`
    execFileSync('ip', ['netns', 'exec', topology.node, 'nft', '-f', '-'], { input: table })
    const kept = () =>
      /counter packets ([1-9]\d*)/.test(
        execFileSync('ip', ['netns', 'exec', topology.node, 'nft', 'list', 'table', 'inet', 'others'], {
          encoding: 'utf8',
        }),
      )
    try {
      const at = await open([reading('closed')])
      await isStopped('api', 4, '/other')
      await at.change({ policies: { set: [policy('api', { ingress: [{ ports: [HTTP] }] })] } })
      expect(await get('api', 4, '/other')).toBe('GET /other')
      expect(kept()).toBe(true)
    } finally {
      execFileSync('ip', ['netns', 'exec', topology.node, 'nft', 'delete', 'table', 'inet', 'others'])
    }
  })

  test('what only audit asks is read, and stops nobody, with and without threads', async () => {
    const at = await open([policy('api', { mode: 'Audit', ingress: [{ ports: [HTTP], l7: OK }] })])
    expect(await get('api', 4, '/other')).toBe('GET /other')
    await vi.waitFor(() => expect(requests.map(({ outcome }) => outcome)).toContain('audited'))
    await at.closeThreads()
    expect(await get('api', 4, '/other')).toBe('GET /other')
  })

  test.each(FAMILIES)(
    'over IPv%i what no policy asks about is one packet of each connection',
    async family => {
      const at = await open([policy('api', { ingress: [{ ports: [HTTP] }] })], { identify: 'all' })
      for (const count of [1, 2, 3]) {
        expect(await get('api', family, '/any')).toBe('GET /any')
        expect(await counts(at)).toEqual({ queued: count, released: count })
      }
      await vi.waitFor(() => expect(told.map(({ notice }) => notice.kind)).toContain('identified'))
    },
  )

  test.each(FAMILIES)('over IPv%i a service is read until its application is known', async family => {
    const at = await open([], { identify: 'services' })
    expect(await get('api', family, '/one')).toBe('GET /one')
    await vi.waitFor(() => expect(told.map(({ notice }) => notice.kind)).toContain('identified'))
    const before = await counts(at)
    expect(before.queued).toBeGreaterThan(0)
    const address = topology.pod('api').addresses[family === 4 ? 0 : 1]
    await at.dataplane.identified([{ address, protocol: 'TCP', port: 80 }])
    expect(await get('api', family, '/two')).toBe('GET /two')
    expect(await counts(at)).toEqual(before)
  })
})
