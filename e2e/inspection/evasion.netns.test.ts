import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, validatePolicy } from '@sekisho/policy'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'

const run = promisify(execFile)
const WAIT = { timeout: 60_000, interval: 100 }

/** Requests below /public are allowed, and nothing else. */
const POLICY = {
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { namespace: 'shop', name: 'api' },
  spec: {
    subject: { podSelector: { matchLabels: { app: 'api' } } },
    mode: 'Enforce',
    ingress: [{ ports: [{ protocol: 'TCP', port: 80 }], l7: [{ http: { path: { prefix: '/public' } } }] }],
  },
}

/** Whole: the beginning of a request passes, and no server can act on it. */
const FORBIDDEN = 'GET /private0 HTTP/1.1\r\nHost: api\r\n\r\n'

/** Each way is tried at the beginning of a connection, and when only its client is followed any more. */
const both = (...ways: readonly string[]) => ways.flatMap(way => [way, `${way}, after a request`])

const READ_AS_FORBIDDEN = both(
  'plain',
  'segments backwards',
  'bad checksum',
  'second request in pieces',
  'fragments',
)

/** Without inspection the server reads the allowed request in these: it takes what came first. */
const NO_EVASION = both('overlap, the second is true', 'other bytes after they passed', 'allowed')

describeAsRoot('a client that tries to be read differently', () => {
  let topology: Topology
  let listener: ChildProcess
  let inspected: InspectedNode
  /** What the server has read from each port. */
  const read = new Map<number, string>()
  /** Ports from which a conversation was denied. */
  const denied = new Set<number>()
  const model = createModel()

  beforeAll(async () => {
    topology = buildTopology({ prefix: `ie${process.pid}`, pods: ['web', 'api'] })
    const { netns } = topology.pod('api')
    const script = join(import.meta.dirname, 'listener.ts')
    listener = spawn('ip', ['netns', 'exec', netns, process.execPath, script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (listener.stdout)
      createInterface(listener.stdout).on('line', line => {
        const { port, text } = JSON.parse(line) as { port: number; text: string }
        read.set(port, (read.get(port) ?? '') + text)
      })
    // The client's kernel knows nothing of connections made by hand, and would reset them.
    filter(topology.pod('web').netns, 'output', 'tcp flags & rst == rst drop')
    // One hop further there would be a router: what has a time to live of 2 at the client does not reach the server.
    filter(netns, 'input', 'ip ttl 1 drop')
    await vi.waitFor(() => expect(read.get(0)).toBe('listening'), WAIT)
  })
  afterAll(async () => {
    await inspected?.[Symbol.asyncDispose]()
    listener?.kill()
    topology?.[Symbol.dispose]()
  })

  function filter(netns: string, hook: 'input' | 'output', rule: string): void {
    const chain = `chain ${hook} { type filter hook ${hook} priority 0; ${rule}; }`
    execFileSync('ip', ['netns', 'exec', netns, 'nft', '-f', '-'], {
      input: `table inet evasion {\n${chain}\n}\n`,
    })
  }

  /** @returns the port that each way was tried from. */
  async function attack(firstPort: number): Promise<ReadonlyMap<string, number>> {
    const { netns } = topology.pod('web')
    const [ip4] = topology.pod('api').addresses
    const script = join(import.meta.dirname, 'evasion.py')
    const { stdout } = await run('ip', [
      'netns',
      'exec',
      netns,
      '/usr/bin/python3',
      script,
      ip4,
      String(firstPort),
    ])
    const ways = stdout
      .trim()
      .split('\n')
      .map(line => /^(\d+) (.*)$/.exec(line) ?? [])
    return new Map(ways.map(([, port, name]) => [name ?? '', Number(port)]))
  }
  const seenFrom = (ways: ReadonlyMap<string, number>, way: string) => read.get(ways.get(way) ?? -1)
  const forbidden = (ways: ReadonlyMap<string, number>) =>
    [...ways.keys()].filter(way => seenFrom(ways, way)?.includes(FORBIDDEN))

  test('without inspection the server reads the forbidden request', async () => {
    const ways = await attack(20_000)
    await vi.waitFor(() => {
      expect(forbidden(ways)).toEqual([...ways.keys()].filter(way => !NO_EVASION.includes(way)))
      expect(seenFrom(ways, 'allowed')).toContain('GET /public/0')
    }, WAIT)
  })

  test('with inspection it never does, and reads what is allowed', async () => {
    const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
    const policy = validatePolicy(POLICY)
    if (!policy.ok) throw new TypeError(JSON.stringify(policy.error))
    model.update({
      namespaces: { set: [SHOP] },
      workloads: { set: workloads },
      policies: { set: [policy.value] },
    })
    inspected = await inspectForwarded(topology.node, model, {
      onTold(told) {
        for (const { ends, notice } of told) if (notice.kind === 'denied') denied.add(ends.clientPort)
      },
      onRequests: () => undefined,
      onLost: count => expect.fail(`${count} notices lost`),
      onFailed: error => expect.fail(error.message),
    })
    const ways = await attack(30_000)
    await vi.waitFor(() => {
      expect(seenFrom(ways, 'allowed')).toContain('GET /public/0')
      // What was read as forbidden was denied; of the others, what the server might have read otherwise did not pass.
      const names = [...ways].filter(([, port]) => denied.has(port)).map(([name]) => name)
      expect(names).toEqual(expect.arrayContaining(READ_AS_FORBIDDEN))
    }, WAIT)
    expect(forbidden(ways)).toEqual([])
  })
})
