import { join } from 'node:path'
import { KubeObjects, PODS } from '@sekisho/kube'
import { type Cluster, OUTSIDE } from './cluster.ts'
import { eventually } from './eventually.ts'
import { SEKISHO } from './image.ts'
import { SERVICES } from './pods.ts'
import { HERE, Running, run } from './programs.ts'

const CHECKOUT = join(import.meta.dirname, '../..')
const NAMESPACE = 'sekisho'

/** What the chart is told: nothing that a user would not tell it. */
const VALUES = {
  mode: 'enforce',
  image: { ...SEKISHO, pullPolicy: 'Never' },
  server: {
    // No disk outlives this cluster.
    persistence: { enabled: false },
    // The other node is lost in a test.
    nodeSelector: { 'kubernetes.io/hostname': 'node-1' },
  },
  agent: { cni: { enabled: true }, identify: 'off' },
}

/** Sekisho as the Helm chart installs it: the server a pod, the agents a DaemonSet. */
export interface Sekisho extends AsyncDisposable {
  /** Removes the pod of the server, or of the agent of a node. Resolves when all works with another. */
  replaceServer(): Promise<void>
  replaceAgent(node: string): Promise<void>
  status(node: string): AgentSays
  /** As one does before the release is removed. */
  remove(): void
}

/** Of `sekisho-agent status`, what is asked here. */
export interface AgentSays {
  readonly startedAt: number
  readonly enforcing: boolean
  readonly revision: number
  readonly degraded: readonly string[]
  readonly server: { readonly connected: boolean }
  readonly cni?: {
    readonly added: number
    readonly refused: number
    readonly passed: number
    readonly addMs: { readonly p50: number; readonly p99: number }
  }
}

export async function installSekisho(cluster: Cluster): Promise<Sekisho> {
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running(join(cluster.directory, 'sekisho')))
  const install = (values: object) => helm(cluster, running.write('values.json', JSON.stringify(values)))
  install(VALUES)
  const at = { namespace: NAMESPACE, name: 'sekisho-server' }
  const { json } = await new KubeObjects(cluster.client, SERVICES).get(at)
  const { clusterIP } = json.spec as { readonly clusterIP: string }
  // All that is asked of the cluster's name server is where our server is.
  running.start('dnsmasq', HERE, [
    'dnsmasq',
    '--no-daemon',
    '--no-hosts',
    '--no-resolv',
    '--user=root',
    '--bind-interfaces',
    `--listen-address=${OUTSIDE}`,
    `--address=/sekisho-server.${NAMESPACE}.svc/${clusterIP}`,
  ])
  const status = (node: string): AgentSays => {
    const { place } = cluster.node(node)
    const agent = join(CHECKOUT, 'bin/sekisho-agent')
    return JSON.parse(run(place, [agent, 'status', '--state=/var/lib/sekisho/agent'])) as AgentSays
  }
  const works = (node: string, isNew: (says: AgentSays) => boolean = () => true) =>
    eventually(() => {
      running.check()
      const says = status(node)
      if (!says.enforcing || !says.server.connected || says.revision === 0 || !isNew(says))
        throw new Error(`the agent of ${node} does not enforce yet: ${JSON.stringify(says)}`)
    })
  const remove = async (name: string, fieldSelector?: string) => {
    const pods = new KubeObjects(cluster.client, PODS)
    const labelSelector = `app.kubernetes.io/name=${name}`
    const { objects } = await pods.page({ namespace: NAMESPACE, labelSelector, fieldSelector }, { limit: 10 })
    for (const pod of objects) await pods.remove({ namespace: NAMESPACE, name: pod.name })
  }
  for (const { plan } of cluster.nodes) await works(plan.name)
  const kept = stack.move()
  return {
    status,
    remove: () => install({ ...VALUES, agent: { ...VALUES.agent, remove: true } }),
    async replaceAgent(node) {
      const { startedAt } = status(node)
      await remove('sekisho-agent', `spec.nodeName=${node}`)
      await works(node, says => says.startedAt !== startedAt)
    },
    async replaceServer() {
      await remove('sekisho-server')
      await eventually(() => {
        for (const { plan } of cluster.nodes)
          if (status(plan.name).server.connected) throw new Error('not gone yet')
      })
      for (const { plan } of cluster.nodes) await works(plan.name)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function helm({ control }: Cluster, values: string): void {
  const program = run(HERE, [join(CHECKOUT, 'e2e/assets/helm/build')]).trim()
  run(HERE, [
    program,
    'upgrade',
    '--install',
    'sekisho',
    join(CHECKOUT, 'deploy/helm/sekisho'),
    `--namespace=${NAMESPACE}`,
    '--create-namespace',
    `--kubeconfig=${control.kubeconfig('admin')}`,
    `--values=${values}`,
  ])
}
