import { allowedMark, deniedMark, MASK_TEXT, OTHERS_TEXT } from './mark.ts'
import { ANSWERER, ASKER } from './match.ts'
import { PREFIX } from './names.ts'
import type { Fragment, NftChain, NftCounter, NftSet } from './objects.ts'

/** Netlink log group that denials are sent to; free of the small numbers that ulogd examples use. */
export const LOG_GROUP = 646

/**
 * What a scan may cost the log: beyond this rate packets are still counted and dropped but no longer told, and the
 * flow log's ledger shows how many. 128 bytes hold any header chain that matters.
 */
export const logStatement = (prefix: string): string =>
  `limit rate 200/second burst 400 packets log prefix "${prefix}" group ${LOG_GROUP} snaplen 128`

const verdictMap = (name: string, type: string): NftSet => ({
  kind: 'map',
  name,
  spec: `type ${type} : verdict;`,
})
const set = (name: string, type: string): NftSet => ({ kind: 'set', name, spec: `type ${type};` })
const KEY = { if: 'ifname', 4: 'ipv4_addr', 6: 'ipv6_addr' } as const
export type DispatchKey = keyof typeof KEY
const KEYS = ['if', 4, 6] as const satisfies readonly DispatchKey[]

export type DispatchSide = 'egress' | 'ingress' | 'audit_egress' | 'audit_ingress'
const SIDES = ['egress', 'ingress', 'audit_egress', 'audit_ingress'] as const
/** The verdict map that leads from a workload's interface or address to the chain that judges it. */
export const dispatchMap = (side: DispatchSide, key: DispatchKey): string => `${side}_${key}`
/** Interfaces and addresses of this node's workloads: what Sekisho has any business with. */
export const localSet = (key: DispatchKey): string => `local_${key}`

/** Sets and maps that are always there; their elements come from attachments and the generation. */
export const SKELETON_SETS: readonly NftSet[] = [
  verdictMap('cached', 'mark'),
  set('own_4', 'ifname . ipv4_addr'),
  set('own_6', 'ifname . ipv6_addr'),
  set('self_4', 'ipv4_addr . ipv4_addr'),
  set('self_6', 'ipv6_addr . ipv6_addr'),
  ...KEYS.map(key => set(localSet(key), KEY[key])),
  ...SIDES.flatMap(side => KEYS.map(key => verdictMap(dispatchMap(side, key), KEY[key]))),
]
export const SKELETON_COUNTERS: readonly NftCounter[] = [
  { name: 'spoofed' },
  { name: 'invalid' },
  { name: 'stopped' },
]

/** Whether a set has elements. A rule that looks into an empty one is left out of the packet's way. */
type Filled = (set: string) => boolean

const CACHED = `ct mark & ${MASK_TEXT} vmap @cached`
const ICMP_ERROR = 'meta l4proto { icmp, ipv6-icmp } ct state related accept'

const HEADER = {
  source: { if: 'iifname', 4: 'ip saddr', 6: 'ip6 saddr' },
  destination: { if: 'oifname', 4: 'ip daddr', 6: 'ip6 daddr' },
} as const

/** Sends packets from or to this node's workloads to a chain; all others stay untouched. */
const workloads = (filled: Filled, end: keyof typeof HEADER, chain: string, when = ''): string[] =>
  KEYS.filter(key => filled(localSet(key))).map(key =>
    `${when} ${HEADER[end][key]} @${localSet(key)} goto ${chain}`.trim(),
  )

/** @param iif `iifname` or `oifname`: where packets of this direction show the workload's interface. */
function dispatch(filled: Filled, side: DispatchSide, iif: string): string[] {
  const address = side === 'egress' || side === 'audit_egress' ? ASKER : ANSWERER
  const match = { if: iif, 4: address[4], 6: address[6] }
  return KEYS.filter(key => filled(dispatchMap(side, key))).map(
    key => `${match[key]} vmap @${dispatchMap(side, key)}`,
  )
}

/** The asker's egress, the answerer's ingress, then the same in audit: what is only reported has passed. */
const bothSides = (filled: Filled, asker: string, answerer: string): string[] => [
  ...dispatch(filled, 'egress', asker),
  ...dispatch(filled, 'ingress', answerer),
  ...dispatch(filled, 'audit_egress', asker),
  ...dispatch(filled, 'audit_ingress', answerer),
  'goto stamp',
]

const hook = (name: string, priority: string): string =>
  `type filter hook ${name} priority ${priority}; policy accept;`

/** Before connection tracking, so that a forged packet cannot even speak for another workload's connection. */
const ANTI_SPOOF: readonly NftChain[] = [
  {
    name: 'unowned',
    rules: [
      // Hosts without an address yet: duplicate address detection, neighbour discovery, DHCP.
      'ip6 saddr { ::, fe80::/10 } return',
      'ip saddr 0.0.0.0 udp dport 67 return',
      'counter name "spoofed"',
      logStatement(PREFIX.spoof),
      'drop',
    ],
  },
  {
    name: 'prerouting',
    hook: hook('prerouting', 'raw'),
    rules: [
      'iifname . ip saddr @own_4 accept',
      'iifname . ip6 saddr @own_6 accept',
      `iifname @${localSet('if')} goto unowned`,
    ],
  },
]

const JUDGE_PREAMBLE: readonly string[] = [
  // RFC 4861 section 6.1 and RFC 3810 section 5: only from the link itself, so nothing else hides behind the types.
  'ip6 hoplimit 255 icmpv6 type 133-137 accept',
  'ip6 hoplimit 1 icmpv6 type { 130-132, 143 } accept',
  ICMP_ERROR,
]

/**
 * The base chains and the judge. A function of which dispatch sets have elements.
 *
 * Own node → workload always passes: its packets are in `output`, which looks at replies only, and their answers
 * are replies in `input`. No address is trusted for it, since IPv6 has no check of forged local sources.
 */
export function skeletonChains(filled: Filled): NftChain[] {
  const any = (end: keyof typeof HEADER, chain: string, when?: string) => workloads(filled, end, chain, when)
  const self = ([4, 6] as const)
    .filter(family => filled(`self_${family}`))
    .map(family => `${ASKER[family]} . ${ANSWERER[family]} @self_${family} goto stamp`)
  return [
    { name: 'discard', rules: ['counter name "stopped" drop'] },
    // Nobody but us writes our bits, but if somebody does, only workloads can be hit.
    { name: 'halt', rules: [ICMP_ERROR, ...any('source', 'discard'), ...any('destination', 'discard')] },
    { name: 'judge_reply', rules: bothSides(filled, 'oifname', 'iifname') },
    {
      name: 'judge',
      rules: [
        ...JUDGE_PREAMBLE,
        ...self,
        'ct direction reply goto judge_reply',
        ...bothSides(filled, 'iifname', 'oifname'),
      ],
    },
    ...ANTI_SPOOF,
    {
      name: 'forward',
      hook: hook('forward', 'filter'),
      rules: [CACHED, ...any('source', 'judge'), ...any('destination', 'judge')],
    },
    {
      name: 'input',
      hook: hook('input', 'filter'),
      rules: [CACHED, 'ct direction reply accept', ...any('source', 'judge')],
    },
    {
      name: 'output',
      hook: hook('output', 'filter'),
      rules: [CACHED, ...any('destination', 'judge', 'ct direction reply')],
    },
  ]
}

/** The only objects that know the generation; replacing them makes every live connection be judged again. */
export function generationFragment(generation: number): Fragment {
  const stamp = (mark: string): string => `ct mark set ct mark & ${OTHERS_TEXT} | ${mark}`
  return {
    counters: [],
    chains: [
      { name: 'stamp', rules: [`${stamp(allowedMark(generation))} accept`] },
      { name: 'refuse', rules: [`${stamp(deniedMark(generation))} drop`] },
    ],
    elements: [
      { set: 'cached', key: allowedMark(generation), verdict: 'accept' },
      { set: 'cached', key: deniedMark(generation), verdict: 'goto halt' },
    ],
  }
}
