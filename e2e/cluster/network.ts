import { readFileSync, writeFileSync } from 'node:fs'
import { eventually } from './eventually.ts'
import { HERE, type Place, type Running, run, within } from './programs.ts'

export type NodeName = `node-${number}`

/** One of each family. */
export type Both = readonly [v4: string, v6: string]

export interface NodePlan {
  readonly name: NodeName
  readonly addresses: Both
  /** Networks of its pods. */
  readonly pods: Both
}

/** Ours, on the wire between the nodes. */
export const OUTSIDE: Both = ['172.31.0.1', 'fd00:31::1']
export const SERVICE_NETWORKS: Both = ['10.96.0.0/16', 'fd00:96::/112']
/** All pods of all nodes. */
export const POD_NETWORKS: Both = ['10.244.0.0/16', 'fd00:244::/32']
export const NODE_PLANS: readonly NodePlan[] = [
  {
    name: 'node-1',
    addresses: ['172.31.0.11', 'fd00:31::11'],
    pods: ['10.244.1.0/24', 'fd00:244:1::/64'],
  },
  {
    name: 'node-2',
    addresses: ['172.31.0.12', 'fd00:31::12'],
    pods: ['10.244.2.0/24', 'fd00:244:2::/64'],
  },
]

const BRIDGE = 'fabric'

/** Gives an interface of that wire its addresses; nobody else could have them, so that nobody is asked. */
const addressed = ([v4, v6]: Both, device: string): readonly string[] => [
  `addr add ${v4}/24 dev ${device}`,
  `addr add ${v6}/64 dev ${device} nodad`,
]

const routed = ({ pods, addresses }: NodePlan): readonly string[] => [
  `route add ${pods[0]} via ${addresses[0]}`,
  `route add ${pods[1]} via ${addresses[1]}`,
]

const ip = (place: Place, lines: readonly string[]) =>
  run(place, ['ip', '-batch', '-'], `${lines.join('\n')}\n`)

/** The wire between the nodes and us. */
export function makeFabric(): void {
  ip(HERE, [`link add ${BRIDGE} type bridge`, `link set ${BRIDGE} up`, ...addressed(OUTSIDE, BRIDGE)])
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1')
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
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
# The address of the pods' bridge can be used at once.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
# Pods of one node meet on a bridge; this makes the firewall see them.
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
echo 1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables
`

/** Folders that a node has for itself: what lies in them on this machine is not seen and not touched. */
const OWN = ['/run', '/opt', '/var/lib', '/var/log']

/** Namespaces of a node, with nothing in them that runs. @returns the process that holds them. */
async function makeNamespaces(running: Running): Promise<number> {
  // Shared, since a kubelet's and a runtime's mounts must reach each other; with us they are not.
  const own = ['unshare', '--mount', '--net', '--propagation=shared', '--', 'sleep', 'infinity']
  const { pid } = running.start('holder', HERE, own)
  if (pid === undefined) throw new Error('unshare did not start')
  // It becomes `sleep` in namespaces of its own.
  await eventually(() => {
    running.check()
    if (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') throw new Error('not there yet')
  })
  return pid
}

/** A network on the wire and mounts of its own. @returns the process whose namespaces are the node's. */
export async function makeNode(running: Running, plan: NodePlan): Promise<number> {
  const { name, addresses } = plan
  const pid = await makeNamespaces(running)
  const place = within(pid)
  ip(HERE, [
    `link add ${name} type veth peer name eth0 netns ${pid}`,
    `link set ${name} master ${BRIDGE} up`,
    ...routed(plan),
  ])
  ip(place, [
    'link set lo up',
    ...addressed(addresses, 'eth0'),
    'link set eth0 up',
    ...OUTSIDE.map(gateway => `route add default via ${gateway}`),
    ...NODE_PLANS.filter(each => each !== plan).flatMap(routed),
  ])
  run(place, ['sh', '-euc', SET_UP, 'node', ...OWN])
  return pid
}
