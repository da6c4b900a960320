import {
  CUSTOMERS,
  METADATA,
  MINING_POOL,
  RESOLVER,
  type Service,
  SHOP_SITE,
  SITES,
  TUNNEL_ZONE,
} from './cluster.ts'
import { run } from './command.ts'
import {
  GATEWAY_IP4,
  GATEWAY_IP6,
  NODE_IP4,
  NODE_IP6,
  netnsNames,
  type Plan,
  type Pod,
  podsOf,
  UPLINK,
} from './plan.ts'

const isIp6 = (ip: string) => ip.includes(':')
const host = (ip: string) => `${ip}/${isIp6(ip) ? 128 : 32}`
/** `nodad`: an address is usable at once instead of a second later. */
const address = (ip: string, device: string) =>
  `address add ${host(ip)} dev ${device}${isIp6(ip) ? ' nodad' : ''}`

/** Commands for `ip -batch` in the node: one veth per pod, host routes, and the way out. */
export function nodeCommands(plan: Plan): string[] {
  return [
    'link set lo up',
    address(NODE_IP4, 'lo'),
    address(NODE_IP6, 'lo'),
    `link add uplink type veth peer name eth0 netns ${plan.internetNetns}`,
    'link set uplink addrgenmode none',
    `address add ${UPLINK.node4}/30 dev uplink`,
    `address add ${UPLINK.node6}/126 dev uplink nodad`,
    // Neighbour solicitations for packets from an address of another interface come from the link-local one.
    'address add fe80::1/64 dev uplink nodad',
    'link set uplink up',
    `route add default via ${UPLINK.internet4}`,
    `route add default via ${UPLINK.internet6}`,
    ...plan.pods.flatMap(pod => nodeSide(pod)),
  ]
}

const nodeSide = (pod: Pod): string[] => [
  `link add ${pod.interface} type veth peer name eth0 netns ${pod.netns}`,
  `link set ${pod.interface} addrgenmode none`,
  `address add ${GATEWAY_IP4}/32 dev ${pod.interface} scope link`,
  `address add ${GATEWAY_IP6}/64 dev ${pod.interface} nodad`,
  `link set ${pod.interface} up`,
  `route add ${host(pod.ip4)} dev ${pod.interface} scope link src ${NODE_IP4}`,
  `route add ${host(pod.ip6)} dev ${pod.interface} src ${NODE_IP6}`,
]

export const podCommands = (pod: Pod): string[] => [
  'link set lo up',
  'link set eth0 addrgenmode none',
  address(pod.ip4, 'eth0'),
  address(pod.ip6, 'eth0'),
  'address add fe80::2/64 dev eth0 nodad',
  'link set eth0 up',
  `route add ${host(GATEWAY_IP4)} dev eth0 scope link`,
  `route add default via ${GATEWAY_IP4} dev eth0`,
  `route add default via ${GATEWAY_IP6} dev eth0`,
]

/** Every address that something on the internet host listens on or connects from. */
export const internetAddresses = (): string[] => [
  ...Object.values(SITES).flatMap(site => ('ip6' in site ? [site.ip4, site.ip6] : [site.ip4])),
  MINING_POOL.ip4,
  TUNNEL_ZONE.ip4,
  RESOLVER,
  METADATA,
  ...CUSTOMERS,
]

export const internetCommands = (): string[] => [
  'link set lo up',
  ...internetAddresses().map(ip => address(ip, 'lo')),
  'link set eth0 addrgenmode none',
  `address add ${UPLINK.internet4}/30 dev eth0`,
  `address add ${UPLINK.internet6}/126 dev eth0 nodad`,
  'address add fe80::2/64 dev eth0 nodad',
  'link set eth0 up',
  `route add ${SHOP_SITE.ip4} via ${UPLINK.node4}`,
  `route add ${SHOP_SITE.ip6 ?? ''} via ${UPLINK.node6}`,
]

/** Spreads connections over an app's pods, as kube-proxy does. */
function serviceRules(plan: Plan, service: Service): string[] {
  const pods = podsOf(plan, service.namespace, service.app)
  const rule = (family: 'ip' | 'ip6', virtual: string, protocol: string) => {
    const backends = pods.map((pod, index) => {
      const ip = family === 'ip' ? pod.ip4 : pod.ip6
      return `${index} : ${ip} . ${service.targetPort}`
    })
    const match = `${family} daddr ${virtual} ${protocol.toLowerCase()} dport ${service.port}`
    return `${match} dnat ${family} to numgen random mod ${pods.length} map { ${backends.join(', ')} }`
  }
  return service.protocols.flatMap(protocol => [
    rule('ip', service.ip4, protocol),
    ...(service.ip6 === undefined ? [] : [rule('ip6', service.ip6, protocol)]),
  ])
}

/** The part of kube-proxy and the CNI plugin: Services on the node, and the node's address on what leaves. */
export const serviceTable = (plan: Plan): string => `table inet lab-services {
  chain enter {
    type nat hook prerouting priority dstnat
${plan.services.flatMap(service => serviceRules(plan, service).map(rule => `    ${rule}`)).join('\n')}
  }
  chain leave {
    type nat hook postrouting priority srcnat
    ip saddr 10.66.0.0/16 oifname "uplink" masquerade
    ip6 saddr fd66::/64 oifname "uplink" masquerade
  }
}
`

const batch = (commands: readonly string[], netns?: string) =>
  run(['ip', ...(netns === undefined ? [] : ['-n', netns]), '-batch', '-'], {
    input: `${commands.join('\n')}\n`,
  })

const inNetns = (netns: string, argv: readonly string[], input?: string) =>
  run(['nsenter', `--net=/run/netns/${netns}`, '--', ...argv], input === undefined ? {} : { input })

/** Makes the namespaces, joins them, and returns when packets can be routed. Touches nothing outside them. */
export async function buildTopology(plan: Plan): Promise<void> {
  await batch(netnsNames(plan).map(name => `netns add ${name}`))
  await batch(nodeCommands(plan), plan.nodeNetns)
  await Promise.all([
    inNetns(plan.nodeNetns, ['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']),
    inNetns(plan.nodeNetns, ['nft', '-f', '-'], serviceTable(plan)),
    batch(internetCommands(), plan.internetNetns),
    ...plan.pods.map(pod => batch(podCommands(pod), pod.netns)),
  ])
}
