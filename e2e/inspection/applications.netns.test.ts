import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Told } from '@sekisho/dataplane'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, parsePolicies } from '@sekisho/policy'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'

const run = promisify(execFile)

const policy = (text: string) => `
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: api, namespace: shop }
spec:
  subject: { podSelector: { matchLabels: { app: api } } }
  mode: Enforce
  onDeny: reset
  ingress: [{ ports: [{ port: 80 }], applications: [acme-orders] }]
---
apiVersion: sekisho.dev/v1alpha1
kind: Application
metadata: { name: acme-orders }
spec:
  transport: TCP
  ${text}
`

describeAsRoot('applications that users define', () => {
  let topology: Topology
  let server: ChildProcess
  let inspected: InspectedNode | undefined
  let heard = ''
  const model = createModel()
  const notices: Told['notice'][] = []

  async function apply(text: string): Promise<void> {
    const read = parsePolicies(policy(text))
    if (!read.ok) throw new TypeError(JSON.stringify(read.error))
    const change = { policies: { set: read.value } }
    if (!inspected) return void model.update(change)
    await inspected.change(change)
    // What a name means is no part of the table.
    await inspected.inspection.redefine()
  }

  beforeAll(async () => {
    topology = buildTopology({ prefix: `ia${process.pid}`, pods: ['web', 'api'] })
    const { netns } = topology.pod('api')
    server = spawn('ip', ['netns', 'exec', netns, process.execPath, join(import.meta.dirname, 'listener.ts')])
    server.stdout?.on('data', (chunk: Buffer) => {
      heard += chunk.toString()
    })
    await vi.waitFor(() => expect(heard).toContain('listening'))
    const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
    model.update({ namespaces: { set: [SHOP] }, workloads: { set: workloads } })
    await apply('client: [{ text: ORD1 }, { at: 4, hex: "00 ??" }]')
    inspected = await inspectForwarded(topology.node, model, {
      onTold: told => notices.push(...told.map(({ notice }) => notice)),
      onRequests: () => undefined,
      onLost: () => undefined,
      onFailed: error => expect.fail(error.message),
    })
  })
  afterAll(async () => {
    await inspected?.[Symbol.asyncDispose]()
    server?.kill()
    topology?.[Symbol.dispose]()
  })

  /** Says something, and waits for the end: the server's, who ends with the client, or a reset. */
  async function say(text: string): Promise<void> {
    const [ip4] = topology.pod('api').addresses
    const script = `exec 3<>/dev/tcp/${ip4}/80; printf '${text}' >&3; read -t 1 -u 3 line; exec 3>&-`
    await run('ip', ['netns', 'exec', topology.pod('web').netns, 'bash', '-c', script]).catch(() => undefined)
  }
  const identified = () =>
    notices.flatMap(notice =>
      notice.kind === 'identified' ? [`${notice.application}, ${notice.confidence}`] : [],
    )

  test('are known by their bytes, and by nothing else', async () => {
    await say('ORD1\\0\\7first')
    await vi.waitFor(() => expect(heard).toContain('first'))
    await vi.waitFor(() => expect(identified()).toEqual(['acme-orders, certain']))
    await say('ORD2\\0\\7second')
    await vi.waitFor(() => expect(notices.map(({ kind }) => kind)).toContain('denied'))
    expect(heard).not.toContain('second')
  })

  test('are other ones once they are defined anew', async () => {
    await apply('client: [{ text: ORD2 }]')
    await say('ORD2\\0\\7third')
    await vi.waitFor(() => expect(heard).toContain('third'))
  })

  test('are taken for granted where a user says so', async () => {
    const [ip4] = topology.pod('api').addresses
    await apply(`overrides: [{ addresses: [${ip4}/32], ports: [{ port: 80 }] }]`)
    await say('anything')
    await vi.waitFor(() => expect(heard).toContain('anything'))
    await vi.waitFor(() => expect(identified()).toContain('acme-orders, configured'))
  })
})
