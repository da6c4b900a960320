import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ConversationEnds, Notice, TermsData, Told } from '@sekisho/dataplane'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import {
  createModel,
  createTableCompiler,
  dnsProfiles,
  type PolicyDocument,
  residual,
  validatePolicy,
} from '@sekisho/policy'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { NODE, SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'
import { serveNames } from './sites.ts'

const run = promisify(execFile)
const GENERATED = 'xjqkvbzwtrpmlh.com'

function valid(json: unknown): PolicyDocument {
  const read = validatePolicy(json)
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}

describeAsRoot('DNS through a profile', () => {
  let topology: Topology
  let node: InspectedNode
  const model = createModel()
  const findings: (Notice & { readonly kind: 'dns' })[] = []
  const programs: Disposable[] = []
  const lists = mkdtempSync(join(tmpdir(), 'sekisho-lists-'))
  const pod = (name: string) => topology.pod(name)

  beforeAll(async () => {
    writeFileSync(join(lists, 'malware.txt'), 'evil.test\n')
    topology = buildTopology({ prefix: `q${process.pid}`, pods: ['web', 'dns', 'rogue'] })
    const zone = {
      'www.example.com': ['93.184.216.34', '2606:2800:220:1::1'],
      'inside.example.com': ['10.0.0.1', 'fd00::1'],
      [GENERATED]: ['93.184.216.34', '2606:2800:220:1::1'],
      '*.tunnel.test': ['93.184.216.34', '2606:2800:220:1::1'],
    } as const
    programs.push(serveNames(pod('dns'), zone), serveNames(pod('rogue'), zone))
    const profile = valid({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'SecurityProfile',
      metadata: { name: 'strict' },
      spec: {
        dns: {
          resolvers: { action: 'deny', addresses: pod('dns').addresses },
          generated: { action: 'sinkhole' },
          rebinding: { action: 'deny' },
          tunnels: { action: 'deny' },
          lists: [{ name: 'malware', action: 'sinkhole' }],
          sinkhole: { addresses: ['0.0.0.0', '::'] },
        },
      },
    })
    const policy = valid({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'SecurityPolicy',
      metadata: { namespace: 'shop', name: 'web' },
      spec: {
        mode: 'Enforce',
        subject: { podSelector: { matchLabels: { app: 'web' } } },
        egress: [{ to: [{ podSelector: {} }] }],
        profiles: ['strict'],
      },
    })
    const compiler = createTableCompiler(model, { name: NODE, addresses: topology.nodeAddresses })
    const workloads = ['web', 'dns', 'rogue'].map(name => workloadOf(pod(name)))
    compiler.update(
      model.update({
        namespaces: { set: [SHOP] },
        workloads: { set: workloads },
        policies: { set: [profile, policy] },
      }),
    )
    node = await inspectForwarded(topology.node, model, {
      compiler,
      rules: { identify: 'off', queues: { first: 40, workers: 1 } },
      terms,
      domainLists: lists,
      onTold: told => findings.push(...told.flatMap(dnsOf)),
      onRequests: () => undefined,
      onLost: count => expect.fail(`${count} notices lost`),
      onFailed: error => expect.fail(error.message),
    })
    await vi.waitFor(async () => expect(await dig('www.example.com')).toMatch(/status: NOERROR/))
  })
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]()
    for (const program of programs) program[Symbol.dispose]()
    topology?.[Symbol.dispose]()
    rmSync(lists, { recursive: true, force: true })
  })
  beforeEach(() => {
    findings.length = 0
  })

  function terms({ client, server, protocol, port }: ConversationEnds): TermsData {
    const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
    return { residual: residual(model, query), facts: {}, onFailure: 'open', dns: dnsProfiles(model, client) }
  }
  const dnsOf = ({ notice }: Told) => (notice.kind === 'dns' ? [notice] : [])
  const addressOf = (name: string, family: 4 | 6): string => pod(name).addresses[family === 4 ? 0 : 1] ?? ''

  /** What dig prints, also where nobody answers. */
  async function dig(...options: readonly string[]): Promise<string> {
    const server = options.some(option => option.startsWith('@')) ? [] : [`@${addressOf('dns', 4)}`]
    const args = ['netns', 'exec', pod('web').netns, 'dig', ...server, '+tries=1', '+time=20', ...options]
    try {
      return (await run('ip', args)).stdout
    } catch (error) {
      return String((error as { stdout?: unknown }).stdout) // of execFile, whose errors have it
    }
  }
  const isUnanswered = (text: string): void =>
    expect(text).toMatch(/no servers could be reached|timed out|end of file/)
  const checks = () => findings.map(({ finding, action }) => `${finding.check}: ${action}`)

  test.each([
    ['over UDP', []],
    ['over TCP', ['+tcp']],
  ])('an ordinary name is answered %s', async (_, options) => {
    expect(await dig('www.example.com', ...options)).toMatch(/93\.184\.216\.34/)
    expect(findings).toEqual([])
  })

  test.each([4, 6] as const)(
    'a generated name is answered in the resolver’s place over IPv%i',
    async family => {
      const text = await dig(GENERATED, `@${addressOf('dns', family)}`)
      expect(text).toMatch(/IN\s+A\s+0\.0\.0\.0/)
      expect(text).toMatch(/EDE: 15 \(Blocked\)/)
      expect(text).not.toMatch(/93\.184\.216\.34/)
      // The same is told once a minute: with the first of both families.
      if (family === 4) await vi.waitFor(() => expect(checks()).toContain('generated: sinkhole'))
    },
  )

  test('a name below one on a list is answered so too', async () => {
    expect(await dig('www.evil.test', 'AAAA')).toMatch(/IN\s+AAAA\s+::/)
    await vi.waitFor(() => expect(checks()).toContain('listed: sinkhole'))
  })

  test('over TCP its connection ends', async () => {
    isUnanswered(await dig(GENERATED, '+tcp', '+time=2'))
  })

  test('an answer that leads inside does not arrive', async () => {
    isUnanswered(await dig('inside.example.com', '+time=2'))
    await vi.waitFor(() => expect(checks()).toContain('rebinding: deny'))
  })

  test('another resolver is not asked', async () => {
    isUnanswered(await dig('www.example.com', `@${addressOf('rogue', 4)}`, '+time=2'))
    await vi.waitFor(() => expect(checks()).toContain('resolver: deny'))
  })

  test('a tunnel stops', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sekisho-dns-'))
    const label = (from: number): string =>
      Array.from({ length: 50 }, (_, i) =>
        (Math.imul(from * 31 + i + 1, 2_654_435_761) >>> 28).toString(16),
      ).join('')
    const names = Array.from({ length: 20 }, (_, i) => `${label(i)}.${label(i + 99)}.tunnel.test`)
    writeFileSync(join(dir, 'names'), names.join('\n'))
    try {
      const text = await dig('-f', join(dir, 'names'), '+time=1', '+short')
      // The first ones pass: a few names are no tunnel.
      expect(text).toMatch(/^93\.184\.216\.34/)
      isUnanswered(text)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
    await vi.waitFor(() => expect(checks()).toContain('tunnel: deny'))
  })
})
