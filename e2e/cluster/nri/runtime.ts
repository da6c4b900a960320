import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../eventually.ts'
import { BUSYBOX, makeBusybox } from '../image.ts'
import { conflist } from '../node-config.ts'
import { HERE, type Place, Running, run, within } from '../programs.ts'
import { type Cri, openCri } from './cri.ts'

/** Where a pod's first act is to connect to, behind the node. */
export const OUTSIDE = '10.97.1.2'
const POD_NETWORK = '10.97.0.0/24'
const CNI_PLUGINS = '/usr/lib/cni'
/** Folders that are the node's own. */
const OWN = ['/run', '/opt', '/var/lib', '/var/log']

const NETWORKS = '/run/net.d'

const config = (required: readonly string[]) => `version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${BUSYBOX}"
[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE no process may be made less likely to be killed than its parent.
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  conf_dir = "${NETWORKS}"
[plugins.'io.containerd.nri.v1.nri']
  # On a machine with much else to do no plugin is put out for being slow.
  plugin_registration_timeout = "60s"
  plugin_request_timeout = "60s"
[plugins.'io.containerd.nri.v1.nri'.default_validator]
  enable = ${required.length > 0}
  required_plugins = ${JSON.stringify(required)}
`

/** A node with nothing but a container runtime that has NRI, and somebody behind it. */
export interface RuntimeNode extends AsyncDisposable {
  readonly running: Running
  /** Of a process in the node's namespaces. */
  readonly holder: number
  readonly place: Place
  readonly cri: Cri
  /** @param required what containers may not start without. */
  startRuntime(required?: readonly string[]): Promise<void>
  stopRuntime(): Promise<void>
}

export async function openRuntimeNode(programs: string, directory: string): Promise<RuntimeNode> {
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running(join(directory, 'runtime')))
  const archive = makeBusybox(running.directory)
  const { pid: holder } = running.start('holder', HERE, [
    'unshare',
    '--mount',
    '--net',
    '--',
    'sleep',
    'infinity',
  ])
  if (holder === undefined) throw new Error('unshare did not start')
  await eventually(() => {
    running.check()
    if (readFileSync(`/proc/${holder}/comm`, 'utf8') !== 'sleep\n') throw new Error('not there yet')
  })
  const place = within(holder)
  const root = `/proc/${holder}/root`
  run(place, ['sh', '-euc', SET_UP, 'node', ...OWN])
  for (const name of readdirSync(CNI_PLUGINS))
    copyFileSync(join(CNI_PLUGINS, name), join(root, '/opt/cni/bin', name))
  writeFileSync(join(root, NETWORKS, '10-pods.conflist'), JSON.stringify(conflist([POD_NETWORK])))
  running.start('outside', place, ['ip', 'netns', 'exec', 'outside', 'ncat', '--listen', '--keep-open', '80'])
  const groups = `/${process.env.SEKISHO_CLUSTER}/nri`
  for (const controller of readdirSync('/sys/fs/cgroup'))
    mkdirSync(join('/sys/fs/cgroup', controller, groups), { recursive: true })
  const connection = {
    socket: join(root, '/run/containerd/containerd.sock'),
    namespace: 'shop',
    image: BUSYBOX,
    groups,
  }
  let cri: Cri | undefined
  const node = {
    running,
    holder,
    place,
    get cri() {
      if (!cri) throw new Error('there is no runtime')
      return cri
    },
    async startRuntime(required: readonly string[] = []) {
      const file = running.write('containerd.toml', config(required))
      const path = `PATH=${programs}:${process.env.PATH}`
      running.start('containerd', place, ['env', path, join(programs, 'containerd'), '--config', file])
      await eventually(() => {
        running.check()
        run(place, ['ctr', 'version'])
      })
      run(place, ['ctr', '--namespace=k8s.io', 'images', 'import', archive])
      cri = openCri(connection)
    },
    async stopRuntime() {
      cri?.[Symbol.dispose]()
      await running.stop('containerd')
    },
  }
  const kept = stack.move()
  return Object.assign(node, { [Symbol.asyncDispose]: () => kept.disposeAsync() })
}

const SET_UP = `
for folder; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
mkdir -p /run/netns /run/net.d /opt/cni/bin /var/log/pods
ip link set lo up
ip netns add outside
ip link add wire type veth peer name eth0 netns outside
ip addr add 10.97.1.1/24 dev wire
ip link set wire up
ip -n outside addr add ${OUTSIDE}/24 dev eth0
ip -n outside link set eth0 up
ip -n outside route add default via 10.97.1.1
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
`
