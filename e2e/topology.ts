import { execFileSync } from 'node:child_process'
import { createNetns, deleteNetns, setSysctl } from '@sekisho/linux'

/** A small node in network namespaces, for tests: a router with pods behind veth pairs, IPv4 and IPv6. */
export interface Topology extends Disposable {
  /** Name of the router's namespace: the "node", where the firewall runs. */
  readonly node: string
  /** The node's own addresses, both families. */
  readonly nodeAddresses: readonly [ip4: string, ip6: string]
  readonly pods: ReadonlyMap<string, Pod>
  /** @throws when there is no pod of that name. */
  pod(name: string): Pod
}

export interface Pod {
  readonly name: string
  /** Name of its network namespace. */
  readonly netns: string
  readonly addresses: readonly [ip4: string, ip6: string]
  /** The host-side end of its veth, in the node's namespace. */
  readonly interface: string
  readonly interfaceIndex: number
}

export interface TopologyOptions {
  /** Starts all namespaces' names, so that two tests at once do not meet: a letter and the process id. */
  readonly prefix: string
  readonly pods: readonly string[]
  /** Each pod behind a route of its own (the default), or all of them behind one bridge, `br0`. */
  readonly shape?: Shape
}

export type Shape = 'routed' | 'bridged'

const NETWORK4 = '10.66.0.'
const NETWORK6 = 'fd66::'

/** Builds it all, or nothing. Needs root. About 0.1 s for four pods. */
export function buildTopology({ prefix, pods, shape = 'routed' }: TopologyOptions): Topology {
  if (pods.length > 200) throw new RangeError('at most 200 pods')
  const node = `${prefix}-node`
  const made: string[] = []
  const make = (name: string) => {
    createNetns(name)[Symbol.dispose]()
    made.push(name)
  }
  const remove = () => {
    for (const name of made.splice(0)) deleteNetns(name)
  }
  try {
    make(node)
    const all = pods.map((name, i) => describePod(prefix, name, i))
    for (const pod of all) make(pod.netns)
    connect(node, all, shape)
    const byName = new Map(all.map(pod => [pod.name, pod]))
    return {
      node,
      nodeAddresses: [`${NETWORK4}1`, `${NETWORK6}1`],
      pods: byName,
      pod: name => required(byName, name),
      [Symbol.dispose]: remove,
    }
  } catch (error) {
    remove()
    throw error
  }
}

function required(pods: ReadonlyMap<string, Pod>, name: string): Pod {
  const pod = pods.get(name)
  if (!pod) throw new RangeError(`no pod ${name}`)
  return pod
}

/** Others come before them. */
const FIRST_INDEX = 100

const describePod = (prefix: string, name: string, index: number): Pod => ({
  name,
  netns: `${prefix}-${name}`,
  addresses: [`${NETWORK4}${index + 2}`, `${NETWORK6}${(index + 2).toString(16)}`],
  interface: `pod${index}`,
  interfaceIndex: FIRST_INDEX + index,
})

/** One `ip -batch` per namespace. */
function connect(node: string, pods: readonly Pod[], shape: Shape): void {
  setSysctl(node, 'net.ipv4.ip_forward', 1)
  setSysctl(node, 'net.ipv6.conf.all.forwarding', 1)
  ip(node, ['link set lo up', ...NODE_SIDE[shape]])
  for (const pod of pods) connectPod(node, pod, shape)
}

/** Puts a pod whose namespace is there on the node, as a CNI plugin does; again, after its interface went. */
export function connectPod(node: string, pod: Pod, shape: Shape): void {
  ip(node, shape === 'routed' ? hostSide(pod) : portSide(pod))
  ip(pod.netns, shape === 'routed' ? podSide(pod) : guestSide(pod))
}

const NODE_SIDE = {
  routed: [`addr add ${NETWORK4}1/32 dev lo`, `addr add ${NETWORK6}1/128 dev lo nodad`],
  bridged: [
    'link add br0 type bridge',
    'link set br0 addrgenmode none',
    'link set br0 up',
    `addr add ${NETWORK4}1/24 dev br0`,
    `addr add ${NETWORK6}1/64 dev br0 nodad`,
  ],
} as const satisfies Record<Shape, readonly string[]>

/** Those of a routed CNI plugin with link-local gateways. */
const hostSide = ({ interface: name, interfaceIndex, netns, addresses: [ip4, ip6] }: Pod): string[] => [
  `link add ${name} index ${interfaceIndex} type veth peer name eth0 netns ${netns}`,
  `link set ${name} addrgenmode none`,
  `link set ${name} up`,
  `addr add 169.254.1.1/32 dev ${name} scope link`,
  `addr add fe80::1/64 dev ${name} nodad`,
  `route add ${ip4}/32 dev ${name} src ${NETWORK4}1`,
  `route add ${ip6}/128 dev ${name} src ${NETWORK6}1`,
]

const podSide = ({ addresses: [ip4, ip6] }: Pod): string[] => [
  'link set lo up',
  'link set eth0 addrgenmode none',
  'link set eth0 up',
  `addr add ${ip4}/32 dev eth0`,
  `addr add ${ip6}/128 dev eth0 nodad`,
  'route add 169.254.1.1/32 dev eth0 scope link',
  `route add default via 169.254.1.1 dev eth0 src ${ip4}`,
  `route add ::/0 via fe80::1 dev eth0 src ${ip6}`,
]

/** Those of a bridge plugin: the pods are neighbours of each other, and the node is their gateway. */
const portSide = ({ interface: name, interfaceIndex, netns }: Pod): string[] => [
  `link add ${name} index ${interfaceIndex} type veth peer name eth0 netns ${netns}`,
  `link set ${name} addrgenmode none`,
  `link set ${name} master br0`,
  `link set ${name} up`,
]

const guestSide = ({ addresses: [ip4, ip6] }: Pod): string[] => [
  'link set lo up',
  'link set eth0 addrgenmode none',
  'link set eth0 up',
  `addr add ${ip4}/24 dev eth0`,
  `addr add ${ip6}/64 dev eth0 nodad`,
  `route add default via ${NETWORK4}1 dev eth0`,
  `route add ::/0 via ${NETWORK6}1 dev eth0`,
]

function ip(netns: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', netns, '-batch', '-'], {
    input: lines.join('\n'),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}
