import { join } from 'node:path'
import { vi } from 'vitest'
import { defineKinds, makeAccount } from '../kube/real-cluster.ts'
import { type Cluster, OUTSIDE } from './cluster.ts'
import { HERE, Running, run } from './programs.ts'

const ROOT = join(import.meta.dirname, '../..')
const AGENTS_PORT = 7444
const STATE = '/var/lib/sekisho/agent'

/** Sekisho as processes: the server where the tests run, an agent in the namespaces of each node. */
export interface Sekisho extends AsyncDisposable {
  /** Ends the server and starts it again. */
  restartServer(): Promise<void>
  /** The same with the agent of a node. Resolves when it enforces. */
  restartAgent(node: string): Promise<void>
  stopAgent(node: string): Promise<void>
  startAgent(node: string): Promise<void>
  status(node: string): AgentSays
}

/** Of `sekisho-agent status`, what is asked here. */
export interface AgentSays {
  readonly enforcing: boolean
  readonly revision: number
  readonly workloads: number
  readonly programMs: { readonly p50: number; readonly p99: number }
  readonly server: { readonly connected: boolean }
  readonly cni?: {
    readonly added: number
    readonly refused: number
    readonly passed: number
    readonly addMs: { readonly p50: number; readonly p99: number }
  }
}

/** @param agentFlags what the agents are told beyond where they are. */
export async function installSekisho(cluster: Cluster, agentFlags: readonly string[] = []): Promise<Sekisho> {
  await defineKinds(cluster.client)
  const token = await makeAccount(cluster.client)
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running(join(cluster.directory, 'server')))
  const data = join(running.directory, 'data')
  const kubeconfig = running.write('kubeconfig', cluster.control.kubeconfigFor('server', token))
  const program = (app: string, ...args: readonly string[]) => [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(ROOT, `apps/${app}/src/main.ts`),
    ...args,
  ]
  const startServer = async () => {
    running.start('server', HERE, [
      ...program('server', `--data=${data}`, '--listen=127.0.0.1:7443', `--agents=${OUTSIDE}:${AGENTS_PORT}`),
      `--name=${OUTSIDE}`,
      `--kubeconfig=${kubeconfig}`,
      '--context=test',
    ])
    await vi.waitFor(() => {
      running.check()
      run(HERE, ['curl', '--silent', '--fail', '--max-time', '5', 'http://127.0.0.1:7443/readyz'])
    })
  }
  const status = (node: string): AgentSays =>
    JSON.parse(run(cluster.node(node).place, program('agent', 'status', `--state=${STATE}`))) as AgentSays
  const startAgent = async (node: string) => {
    const { place, running: programs } = cluster.node(node)
    const join = run(HERE, program('server', 'join-token', `--data=${data}`)).trim()
    programs.start('agent', place, [
      ...program('agent', `--server=https://${OUTSIDE}:${AGENTS_PORT}`, `--state=${STATE}`, `--node=${node}`),
      `--join-token=${join}`,
      ...agentFlags,
    ])
    await vi.waitFor(() => {
      programs.check()
      const { enforcing, server, revision } = status(node)
      if (!enforcing || !server.connected || revision === 0) throw new Error(`${node} does not enforce yet`)
    })
  }
  const stopAgent = (node: string) => cluster.node(node).running.stop('agent')
  await startServer()
  for (const { plan } of cluster.nodes) {
    stack.defer(() => stopAgent(plan.name))
    await startAgent(plan.name)
  }
  const kept = stack.move()
  return {
    status,
    startAgent,
    stopAgent,
    async restartServer() {
      await running.stop('server')
      await startServer()
    },
    async restartAgent(node) {
      await stopAgent(node)
      await startAgent(node)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
