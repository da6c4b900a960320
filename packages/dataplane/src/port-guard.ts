import { FAMILIES, type Family } from '@sekisho/core'
import { addressText, isInterfaceName, PREFIX, quoteInterface, TABLE_NAME } from './names.ts'
import { LOG_GROUP } from './skeleton.ts'

/** A port of a bridge, and the addresses of whoever is behind it: canonical texts. */
export interface Port {
  readonly interface: string
  readonly addresses: readonly string[]
}

/** Rules above a bridge see the bridge and not its ports; this table's hook does. */
export const PORT_TABLE = `bridge ${TABLE_NAME}`

const set = (name: string, type: string, elements: readonly string[]): string =>
  `  set ${name} { type ${type};${elements.length > 0 ? ` elements = { ${elements.join(', ')} };` : ''} }`

const own = (ports: readonly Port[], family: Family): readonly string[] =>
  ports.flatMap(({ interface: name, addresses }) =>
    addresses
      .map(addressText)
      .filter(address => address.family === family)
      .map(({ text }) => `${quoteInterface(name)} . ${text}`),
  )

/**
 * What holds workloads behind a bridge to their own addresses, as text for nft: they are judged by address, and
 * whoever could send from another's address would be judged as the other. IP and ARP only: a frame of another kind, a
 * tagged one too, would carry packets past every rule that looks for IP.
 * The whole table each time, in one transaction: a node has a few hundred ports, which seldom change.
 * @param ports without any the table goes.
 */
export function portGuard(ports: readonly Port[]): string {
  const named = ports.filter(({ interface: name }) => isInterfaceName(name))
  const remove = `add table ${PORT_TABLE}\ndelete table ${PORT_TABLE}\n`
  if (named.length === 0) return remove
  const names = named.map(({ interface: name }) => quoteInterface(name))
  return `${remove}table ${PORT_TABLE} {
  counter spoofed { }
${set('ports', 'ifname', names)}
${FAMILIES.map(family => set(`own_${family}`, `ifname . ipv${family}_addr`, own(named, family))).join('\n')}
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname . ip saddr @own_4 accept
    iifname . ip6 saddr @own_6 accept
    iifname . arp saddr ip @own_4 accept
    iifname @ports goto unowned
  }
  chain unowned {
    ip6 saddr :: accept
    ip6 saddr fe80::/10 accept
    ip saddr 0.0.0.0 udp dport 67 accept
    arp saddr ip 0.0.0.0 accept
    counter name spoofed limit rate 200/second burst 400 packets log prefix "${PREFIX.spoof}" group ${LOG_GROUP} snaplen 128
    drop
  }
}
`
}
