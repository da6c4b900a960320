import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.ts'
import { eventually } from './eventually.ts'
import { BUSYBOX } from './image.ts'
import { HERE, type Place, Running, run, within } from './programs.ts'

export interface NodePlan {
  readonly name: `node-${number}`
  /** Of the node itself, and the network of its pods, as `a.b.c.0/24`. */
  readonly address: string
  readonly pods: string
}

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
}

/** Folders that a node has for itself: what lies in them on this machine is not seen and not touched. */
const OWN = ['/run', '/opt', '/var/lib', '/var/log']
const CNI_PLUGINS = '/usr/lib/cni'
const BRIDGE = 'fabric'
const PREFIX = 24

/** The wire between the nodes and us. @param address ours on it. */
export function makeFabric(address: string): void {
  run(
    HERE,
    ['ip', '-batch', '-'],
    `link add ${BRIDGE} type bridge\nlink set ${BRIDGE} up\naddr add ${address}/${PREFIX} dev ${BRIDGE}\n`,
  )
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
}

/** A network, mounts and control groups of its own, with nothing in it that runs. */
async function makeNamespaces(
  running: Running,
  { name, address, pods }: NodePlan,
  gateway: string,
): Promise<number> {
  // Shared, since a kubelet's and a runtime's mounts must reach each other; with us they are not.
  const child = running.start('holder', HERE, [
    'unshare',
    '--mount',
    '--net',
    '--propagation=shared',
    '--',
    'sleep',
    'infinity',
  ])
  const { pid } = child
  if (pid === undefined) throw new Error('unshare did not start')
  // It becomes `sleep` in namespaces of its own.
  await eventually(() => {
    running.check()
    if (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') throw new Error('not there yet')
  })
  const place = within(pid)
  run(
    HERE,
    ['ip', '-batch', '-'],
    `link add ${name} type veth peer name eth0 netns ${pid}\nlink set ${name} master ${BRIDGE} up\nroute add ${pods} via ${address}\n`,
  )
  run(
    place,
    ['ip', '-batch', '-'],
    `link set lo up\naddr add ${address}/${PREFIX} dev eth0\nlink set eth0 up\nroute add default via ${gateway}\n`,
  )
  run(place, ['sh', '-euc', SET_UP, 'node', ...OWN])
  return pid
}

/**
 * /etc is this machine's until it is written to. A kubelet sets some sysctls of the whole machine unless they are as it
 * wants them: files in their places say so.
 */
const SET_UP = `
mount -t tmpfs tmpfs /media
mkdir /media/upper /media/work /media/sysctl
mount -t overlay -o lowerdir=/etc,upperdir=/media/upper,workdir=/media/work overlay /etc
for folder; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=$(mktemp /media/sysctl/XXXXXX)
  echo "\${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/\${setting%=*}"
done
mkdir -p /run/netns /opt/cni/bin /etc/cni/net.d /var/lib/kubelet /var/log/pods
echo 1 >/proc/sys/net/ipv4/ip_forward
# Pods of one node meet on a bridge; this makes the firewall see them.
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
`

const containerdConfig = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${BUSYBOX}"
  # Without CAP_SYS_RESOURCE no process may be made less likely to be killed than its parent.
  restrict_oom_score_adj = true
  disable_apparmor = true
`

const conflist = ({ pods }: NodePlan) => ({
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: pods }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
    { type: 'loopback' },
  ],
})

const kubeletConfig = (groups: string, gateway: string) => ({
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  cgroupDriver: 'cgroupfs',
  cgroupRoot: groups,
  enforceNodeAllocatable: [],
  failCgroupV1: false,
  failSwapOn: false,
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  volumePluginDir: '/var/lib/kubelet/plugins-exec',
  resolvConf: '',
  clusterDNS: [gateway],
  clusterDomain: 'cluster.local',
  // The machine's disk is not the node's: nothing is evicted for it.
  evictionHard: {
    'memory.available': '0%',
    'nodefs.available': '0%',
    'imagefs.available': '0%',
    'nodefs.inodesFree': '0%',
    'imagefs.inodesFree': '0%',
  },
  imageGCHighThresholdPercent: 100,
  maxPods: 200,
  nodeLeaseDurationSeconds: 20,
})

const proxyConfig = ({ name }: NodePlan, kubeconfig: string) => ({
  kind: 'KubeProxyConfiguration',
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  mode: 'nftables',
  hostnameOverride: name,
  clusterCIDR: '10.244.0.0/16',
  clientConnection: { kubeconfig },
  // Settings of the whole machine.
  conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
})

export interface NodeOptions {
  readonly plan: NodePlan
  readonly others: readonly NodePlan[]
  readonly control: ControlPlane
  readonly directory: string
  /** Our address on the fabric. */
  readonly gateway: string
  /** Archives of images. */
  readonly images: readonly string[]
}

/** Programs of Kubernetes on a node of its own, as on any machine. */
export async function openNode(options: NodeOptions): Promise<ClusterNode> {
  const { plan, control, directory } = options
  await using stack = new AsyncDisposableStack()
  const running = stack.use(new Running(join(directory, plan.name)))
  const holder = await makeNamespaces(running, plan, options.gateway)
  const place = within(holder)
  for (const { pods, address } of options.others) run(place, ['ip', 'route', 'add', pods, 'via', address])
  const path = (inside: string) => join(`/proc/${holder}/root`, inside)
  for (const name of readdirSync(CNI_PLUGINS))
    copyFileSync(join(CNI_PLUGINS, name), path(join('/opt/cni/bin', name)))
  writeFileSync(path('/etc/cni/net.d/10-pods.conflist'), JSON.stringify(conflist(plan), null, 2))
  running.start('containerd', place, [
    'containerd',
    '--config',
    running.write('containerd.toml', containerdConfig),
  ])
  const ctr = (...args: readonly string[]) => run(place, ['ctr', '--namespace=k8s.io', ...args])
  await eventually(() => {
    running.check()
    ctr('version')
  })
  for (const image of options.images) ctr('images', 'import', image)
  const groups = `/${process.env.SEKISHO_CLUSTER}/${plan.name}`
  for (const controller of readdirSync('/sys/fs/cgroup')) {
    mkdirSync(join('/sys/fs/cgroup', controller, groups), { recursive: true })
  }
  running.start('kubelet', place, [
    join(control.programs, 'kubelet'),
    `--kubeconfig=${control.kubeconfig(plan.name)}`,
    `--config=${running.write('kubelet.json', JSON.stringify(kubeletConfig(groups, options.gateway)))}`,
    `--hostname-override=${plan.name}`,
    `--node-ip=${plan.address}`,
  ])
  running.start('kube-proxy', place, [
    join(control.programs, 'kube-proxy'),
    `--config=${running.write('proxy.json', JSON.stringify(proxyConfig(plan, control.kubeconfig('proxy'))))}`,
  ])
  const kept = stack.move()
  return { plan, place, running, holder, path, ctr, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
