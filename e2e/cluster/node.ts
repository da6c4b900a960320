import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.ts'
import { eventually } from './eventually.ts'
import { makeNode, type NodePlan } from './network.ts'
import { conflist, containerdConfig, kubeletConfig, proxyConfig } from './node-config.ts'
import { type Place, Running, run, within } from './programs.ts'

export interface ClusterNode extends AsyncDisposable {
  readonly plan: NodePlan
  readonly place: Place
  readonly running: Running
  /** Process whose namespaces are the node's. */
  readonly holder: number
  /** A path of the node as it is reached from here. */
  path(inside: string): string
  /** containerd's client. */
  ctr(...args: readonly string[]): string
  /** The process of a container of a pod, as we see it. */
  processOf(containerId: string): number
}

const CNI_PLUGINS = '/usr/lib/cni'

export interface NodeOptions {
  readonly plan: NodePlan
  readonly control: ControlPlane
  readonly directory: string
  /** Archives of images. */
  readonly images: readonly string[]
}

/** Programs of Kubernetes on a node of its own, as on any machine. */
export async function openNode(options: NodeOptions): Promise<ClusterNode> {
  const { plan, directory } = options
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running(join(directory, plan.name)))
  const node = nodeAt(plan, running, await makeNode(running, plan))
  await startRuntime(node, options.images)
  startKubernetes(node, options.control)
  const kept = stack.move()
  return { ...node, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

type Bare = Omit<ClusterNode, typeof Symbol.asyncDispose>

function nodeAt(plan: NodePlan, running: Running, holder: number): Bare {
  const place = within(holder)
  const ctr = (...args: readonly string[]) => run(place, ['ctr', '--namespace=k8s.io', ...args])
  return {
    plan,
    place,
    running,
    holder,
    path: inside => join(`/proc/${holder}/root`, inside),
    ctr,
    processOf(containerId) {
      const lines = ctr('tasks', 'list').split('\n')
      const line = lines.find(each => each.startsWith(containerId))
      if (line === undefined) throw new RangeError(`${plan.name} does not run ${containerId}`)
      return Number(line.split(/\s+/)[1])
    },
  }
}

async function startRuntime({ plan, place, running, path, ctr }: Bare, images: readonly string[]) {
  for (const name of readdirSync(CNI_PLUGINS))
    copyFileSync(join(CNI_PLUGINS, name), path(join('/opt/cni/bin', name)))
  writeFileSync(path('/etc/cni/net.d/10-pods.conflist'), JSON.stringify(conflist(plan.pods), null, 2))
  const config = running.write('containerd.toml', containerdConfig)
  running.start('containerd', place, ['containerd', '--config', config])
  await eventually(() => {
    running.check()
    ctr('version')
  })
  for (const image of images) ctr('images', 'import', image)
}

function startKubernetes({ plan, place, running }: Bare, { programs, kubeconfig }: ControlPlane): void {
  const { name, addresses } = plan
  const groups = `/${process.env.SEKISHO_CLUSTER}/${name}`
  for (const controller of readdirSync('/sys/fs/cgroup'))
    mkdirSync(join('/sys/fs/cgroup', controller, groups), { recursive: true })
  running.start('kubelet', place, [
    join(programs, 'kubelet'),
    `--kubeconfig=${kubeconfig(name)}`,
    `--config=${running.write('kubelet.json', JSON.stringify(kubeletConfig(groups)))}`,
    `--hostname-override=${name}`,
    `--node-ip=${addresses.join()}`,
  ])
  running.start('kube-proxy', place, [
    join(programs, 'kube-proxy'),
    `--config=${running.write('proxy.json', JSON.stringify(proxyConfig(plan, kubeconfig('proxy'))))}`,
  ])
}
