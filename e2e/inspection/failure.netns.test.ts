import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ConversationEnds, Inspection, TermsData } from '@sekisho/dataplane'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { createModel, type OnFailure, residual, validatePolicy } from '@sekisho/policy'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SHOP, workloadOf } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { inspectForwarded } from './queued.ts'

const run = promisify(execFile)
const QUEUES = { first: 40, workers: 1 } as const
const model = createModel()
/** No thread can make sense of it. */
const POISON = { residual: {}, facts: {}, onFailure: 'closed' } as unknown as TermsData

describeAsRoot('a thread that dies under traffic', () => {
  let topology: Topology
  let heard = ''
  let isPoisoned = false
  const failures: Error[] = []
  const programs: ChildProcess[] = []
  const open: AsyncDisposable[] = []

  const start = (pod: string, ...command: readonly string[]): ChildProcess => {
    const program = spawn('ip', ['netns', 'exec', topology.pod(pod).netns, ...command])
    programs.push(program)
    return program
  }
  /** What is not SSH passes, once that is known. */
  function apply(onFailure: OnFailure): void {
    const read = validatePolicy({
      apiVersion: 'sekisho.dev/v1alpha1',
      kind: 'SecurityPolicy',
      metadata: { namespace: 'shop', name: 'api' },
      spec: {
        mode: 'Enforce',
        onFailure,
        subject: { podSelector: { matchLabels: { app: 'api' } } },
        ingress: [{ action: 'Deny', applications: ['ssh'] }, {}],
      },
    })
    if (!read.ok) throw new TypeError(JSON.stringify(read.error))
    const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
    model.update({
      namespaces: { set: [SHOP] },
      workloads: { set: workloads },
      policies: { set: [read.value] },
    })
  }
  const threads = {
    terms({ client, server, protocol, port }: ConversationEnds): TermsData {
      if (isPoisoned) return POISON
      const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
      return { residual: residual(model, query), facts: {}, onFailure: 'open' }
    },
    onAnswer: () => Promise.resolve(),
    onTold: () => undefined,
    onRequests: () => undefined,
    onLost: () => undefined,
    onFailed: (error: Error) => void failures.push(error),
  }
  const say = (text: string) => {
    const [ip4] = topology.pod('api').addresses
    start('web', 'bash', '-c', `exec 3<>/dev/tcp/${ip4}/80; printf '${text}' >&3; read -u 3 line`)
  }
  const isHeard = (text: string) => vi.waitFor(() => expect(heard).toContain(text))
  /** Servers wait for the end of a handshake of which their answer did not pass. */
  async function halfOpen(): Promise<string> {
    const { netns } = topology.pod('api')
    return (await run('ip', ['netns', 'exec', netns, 'ss', '-Htn', 'state', 'syn-recv'])).stdout
  }
  async function kill(inspection: Inspection): Promise<void> {
    isPoisoned = true
    const revised = inspection.revise()
    say('poison')
    await vi.waitFor(() => expect(failures).toHaveLength(1))
    await revised
  }

  beforeEach(async () => {
    topology = buildTopology({ prefix: `if${process.pid}`, pods: ['web', 'api'] })
    heard = ''
    isPoisoned = false
    failures.length = 0
    const server = start('api', process.execPath, join(import.meta.dirname, 'listener.ts'))
    server.stdout?.on('data', (chunk: Buffer) => {
      heard += chunk.toString()
    })
    await isHeard('listening')
  })
  afterEach(async () => {
    for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
    for (const program of programs.splice(0)) program.kill()
    topology?.[Symbol.dispose]()
  })

  describe.each([
    ['open', 'pass'],
    ['closed', 'wait for the next thread'],
  ] as const)('whose queues fail %s', (onFailure, fate) => {
    test(`says so; its packets ${fate}, and the next thread takes its queues`, async () => {
      apply(onFailure)
      const inspected = await inspectForwarded(topology.node, model, {
        rules: { queues: QUEUES },
        ...threads,
      })
      open.push(inspected)
      say('before')
      await isHeard('before')
      await kill(inspected.inspection)
      expect(inspected.inspection.isWhole).toBe(false)
      isPoisoned = false
      say('between')
      if (onFailure === 'open') await isHeard('between')
      else {
        await vi.waitFor(async () => expect(await halfOpen()).not.toBe(''))
        expect(heard).not.toContain('between')
      }
      await inspected.inspection.reopen()
      expect(inspected.inspection.isWhole).toBe(true)
      await isHeard('between')
      say('after')
      await isHeard('after')
    })
  })
})
