import { FAMILIES } from '@sekisho/core'
import type { BaseChain } from '@sekisho/linux'
import {
  type Clause,
  type Field,
  familyIs,
  header,
  inRanges,
  inSet,
  markIs,
  meta,
  NO_PEER_CLASS,
  notInSet,
  protocolIn,
  setPeerClass,
  vmap,
} from './field.ts'
import { FIRST, isKnown, REMEMBER } from './known-edges.ts'
import { MARK_MASK, type MarkState, markText, OWN_PACKET, stampMark } from './mark.ts'
import { ALLOWED_NOW, ANSWERER, ASKER, IS_DENIED, JUDGED_NOW, KERNEL_RESET, MIDSTREAM } from './match.ts'
import { PREFIX } from './names.ts'
import { EMPTY, type Fragment, type NftChain, type NftCounter, type NftRule } from './objects.ts'
import { classMap } from './peer-classes.ts'
import {
  IDENTIFY,
  type InspectionRules,
  IS_QUEUED,
  identifying,
  inspectChain,
  TO_QUEUE,
} from './queue-chains.ts'
import {
  boundSet,
  type DispatchKey,
  type DispatchSide,
  dispatchMap,
  judgedSet,
  KEYS,
  localSet,
  namedMap,
  nodeSet,
  ownMap,
  SIDES,
} from './skeleton-sets.ts'
import {
  ACCEPT,
  counter,
  ctState,
  DROP,
  goTo,
  jump,
  limit,
  log,
  REPLY,
  RESET,
  RETURN,
  replaceMark,
  rule,
  UNRELATED,
} from './statement.ts'

/** Netlink log group that denials are sent to; free of the small numbers that ulogd examples use. */
export const LOG_GROUP = 646

/**
 * Tells user space of a packet. What a scan may cost the log: beyond this rate packets are still counted and dropped
 * but no longer told, and the flow log's ledger shows how many. 128 bytes hold any header chain that matters.
 */
export const told = (prefix: string): NftRule => rule(limit(200, 400), log(prefix, LOG_GROUP, 128))

export const SKELETON_COUNTERS: readonly NftCounter[] = [
  { name: 'spoofed' },
  { name: 'invalid' },
  { name: 'stopped' },
  { name: 'misplaced' },
]

/** Whether a set has elements. A rule that looks into an empty one is left out of the packet's way. */
type Filled = (set: string) => boolean

const IN = meta('iifname', 'ifname')
const IN_INDEX = meta('iif', 'iface_index')
const OUT = meta('oifname', 'ifname')
const SOURCE = {
  if: IN,
  4: header(4, 'saddr', { offset: 12, length: 4, type: 'ipv4_addr' }),
  6: header(6, 'saddr', { offset: 8, length: 16, type: 'ipv6_addr' }),
} as const
const DESTINATION = {
  if: OUT,
  4: header(4, 'daddr', { offset: 16, length: 4, type: 'ipv4_addr' }),
  6: header(6, 'daddr', { offset: 24, length: 16, type: 'ipv6_addr' }),
} as const
type End = Readonly<Record<DispatchKey, Field>>

/**
 * Related packets have a stamp that was not given to them: a connection that a helper of the kernel expected inherits
 * its master's mark, and errors carry the mark of the connection they are about.
 */
const CACHED = rule(UNRELATED, ALLOWED_NOW)
/** The same of what is not decided yet. */
const INSPECTED = rule(UNRELATED, ...TO_QUEUE)
/** Packets that end a denied connection. */
const OWN = markIs('meta', { mask: OWN_PACKET, operator: '==', value: OWN_PACKET })
/** Of the others only beginnings are judged. */
const BEGINNING = rule(MIDSTREAM, jump('untraceable'))

/** Sends packets from or to this node's workloads to a chain; all others stay untouched. */
const workloads = (filled: Filled, end: End, chain: string, ...when: readonly Clause[]): NftRule[] =>
  KEYS.filter(key => filled(localSet(key))).map(key =>
    rule(...when, inSet([end[key]], localSet(key)), goTo(chain)),
  )

/** Sends packets of the node itself to a chain; only where policies select it. */
const ofNode = (filled: Filled, end: End, chain: string, ...when: readonly Clause[]): NftRule[] =>
  FAMILIES.filter(family => filled(nodeSet(family))).map(family =>
    rule(...when, inSet([end[family]], nodeSet(family)), goTo(chain)),
  )

/** Where packets of a direction show an end's interface; the node has none, and is known by its addresses. */
type Shown = Field | 'node'

function dispatch(filled: Filled, side: DispatchSide, at: Shown): NftRule[] {
  const address = side === 'egress' || side === 'audit_egress' ? ASKER : ANSWERER
  const fields = [...(at === 'node' ? [] : [['if', at] as const]), [4, address[4]], [6, address[6]]] as const
  return fields
    .filter(([key]) => filled(dispatchMap(side, key)))
    .map(([key, field]) => rule(vmap([field], dispatchMap(side, key))))
}

/** Tells the chains of a side to which class the peer belongs. */
function classify(filled: Filled, side: DispatchSide): NftRule[] {
  const peer = side === 'egress' || side === 'audit_egress' ? ANSWERER : ASKER
  const families = FAMILIES.filter(family => filled(classMap(family)))
  if (families.length === 0) return []
  return [rule(NO_PEER_CLASS), ...families.map(family => rule(setPeerClass(peer[family], classMap(family))))]
}

function judged(filled: Filled, side: DispatchSide, at: Shown): NftRule[] {
  const rules = dispatch(filled, side, at)
  return rules.length === 0 ? [] : [...classify(filled, side), ...rules]
}

/** What the base chains and the judges depend on. */
export interface SkeletonOptions {
  readonly filled: Filled
  readonly inspection?: InspectionRules | undefined
}

/** The ends that are asked. */
interface Ends {
  readonly asker: Shown
  readonly answerer?: Shown
}
const enforced = (filled: Filled, { asker, answerer }: Ends): NftRule[] => [
  ...judged(filled, 'egress', asker),
  ...(answerer ? judged(filled, 'ingress', answerer) : []),
]
/** What is only reported has passed: the same in audit comes after all that denies. */
const audited = (filled: Filled, { asker, answerer }: Ends): NftRule[] => [
  ...judged(filled, 'audit_egress', asker),
  ...(answerer ? judged(filled, 'audit_ingress', answerer) : []),
]
const declassify = (filled: Filled): NftRule[] =>
  FAMILIES.some(family => filled(classMap(family))) ? [rule(NO_PEER_CLASS)] : []

/** The judge of packets that the node is sent, or sends. */
const nodeJudge = ({ filled, inspection }: SkeletonOptions, name: string, ends: Ends): NftChain => ({
  name,
  rules: [
    BEGINNING,
    ...preamble(filled),
    ...enforced(filled, ends),
    ...audited(filled, ends),
    ...declassify(filled),
    ...(inspection ? [...identifying(inspection), rule(...TO_QUEUE)] : []),
    rule(goTo('stamp')),
  ],
})

/**
 * The judge of packets that are forwarded: what it lets pass is remembered for the next connection. That is not judged
 * again, but what it would be reported for is: audit is a chain of its own. What is to be inspected is not remembered, but
 * where all are identified, for nothing of that depends on the rules.
 */
function judge({ filled, inspection }: SkeletonOptions, name: JudgeName, ends: Ends): NftChain[] {
  const reported = audited(filled, ends)
  const asked = inspection ? [rule(JUDGED_NOW, IS_QUEUED, goTo(AUDIT[name]))] : []
  const unasked = inspection ? identifying(inspection) : []
  const allowed = [rule(jump('stamp')), ...REMEMBER]
  const passing =
    inspection?.identify === 'all' ? [...asked, ...allowed, ...unasked] : [...unasked, ...asked, ...allowed]
  const judging = [...preamble(filled), ...enforced(filled, ends), ...passing]
  if (reported.length === 0 && !inspection) return [{ name, rules: [...judging, ...declassify(filled)] }]
  // Accepted in so many words: without a verdict what comes from `recall` would go on to the judge.
  const last = [...declassify(filled), ...(inspection ? [rule(...TO_QUEUE)] : []), rule(ACCEPT)]
  return [
    { name: AUDIT[name], rules: [...reported, ...last] },
    { name, rules: [...judging, rule(goTo(AUDIT[name]))] },
  ]
}
const AUDIT = { judge_asker: 'audit_asker', judge_answerer: 'audit_answerer' } as const
type JudgeName = keyof typeof AUDIT

/**
 * Lets pass what was allowed in this generation. A connection is stamped before it is looked for; one that is not known
 * is judged, and stamped again by that.
 */
function recall({ filled, inspection }: SkeletonOptions): NftChain[] {
  const reported = SIDES.some(
    side => side.startsWith('audit') && KEYS.some(key => filled(dispatchMap(side, key))),
  )
  const chain = (pass: Clause): NftChain => ({
    name: 'recall',
    rules: [rule(jump('stamp')), ...FAMILIES.map(family => rule(...isKnown(family), pass))],
  })
  if (inspection?.identify !== 'all') return [chain(reported ? goTo(AUDIT.judge_asker) : ACCEPT)]
  return [
    { name: 'recalled', rules: [...identifying(inspection), rule(goTo(AUDIT.judge_asker))] },
    chain(goTo('recalled')),
  ]
}

/** Lets pass what is neither from nor to a workload of this node; asked of what leaves through none of their interfaces. */
function strangers(filled: Filled): NftRule[] {
  const byInterface = filled(localSet('if')) ? [notInSet([IN], localSet('if'))] : []
  if (!FAMILIES.some(family => filled(localSet(family)))) return [rule(...byInterface, ACCEPT)]
  return FAMILIES.map(family => {
    const set = localSet(family)
    const byAddress = filled(set)
      ? [notInSet([SOURCE[family]], set), notInSet([DESTINATION[family]], set)]
      : [familyIs(family)]
    return rule(...byInterface, ...byAddress, ACCEPT)
  })
}

/**
 * To a workload's address, but through no workload's interface: a pod may have come again with one that is not
 * known yet, and nothing would judge what it is sent there.
 */
const misplaced = (filled: Filled): NftRule[] =>
  FAMILIES.filter(family => filled(boundSet(family))).map(family =>
    rule(inSet([DESTINATION[family]], boundSet(family)), counter('misplaced'), DROP),
  )

/** What leaves through no workload's interface. */
const leaving = (filled: Filled): NftChain => ({
  name: 'leaving',
  rules: [...misplaced(filled), ...strangers(filled)],
})
const asksLeaving = (filled: Filled): NftRule =>
  rule(...(filled(localSet('if')) ? [notInSet([OUT], localSet('if'))] : []), jump('leaving'))

const RAW = -300
const FILTER = 0
const at = (hook: BaseChain['hook'], priority: number): BaseChain => ({ hook, priority })

const HOP_LIMIT = (value: number): Clause =>
  inRanges(header(6, 'hoplimit', { offset: 7, length: 1, type: 'inet_proto' }), [[value, value]], 1)
const ICMP6_TYPE: Field = {
  text: 'icmpv6 type',
  type: 'inet_proto',
  guard: protocolIn([58]).expressions,
  load: to => [{ kind: 'payload', base: 'transport', offset: 0, length: 1, to }],
}
const DHCP_SERVER_PORT: Field = {
  text: 'udp dport',
  type: 'inet_service',
  guard: protocolIn([17]).expressions,
  load: to => [{ kind: 'payload', base: 'transport', offset: 2, length: 2, to }],
}

/** Compares the first bits of an address. */
function inPrefix(
  field: Field,
  text: string,
  { mask, value }: { mask: Uint8Array; value: Uint8Array },
): Clause {
  return {
    text: `${field.text} ${text}`,
    expressions: [
      ...(field.guard ?? []),
      ...field.load(0),
      ...(mask.every(byte => byte === 0xff)
        ? []
        : [{ kind: 'bitwise', register: 0, mask, xor: new Uint8Array(mask.length) } as const]),
      { kind: 'compare', operator: '==', from: 0, value },
    ],
  }
}
const bytes = (length: number, fill: number, ...first: readonly number[]): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => first[index] ?? fill)
const UNSPECIFIED4 = inPrefix(SOURCE[4], '0.0.0.0', { mask: bytes(4, 0xff), value: bytes(4, 0) })
const UNSPECIFIED6 = inPrefix(SOURCE[6], '::', { mask: bytes(16, 0xff), value: bytes(16, 0) })
const LINK_LOCAL6 = inPrefix(SOURCE[6], 'fe80::/10', {
  mask: bytes(16, 0, 0xff, 0xc0),
  value: bytes(16, 0, 0xfe, 0x80),
})

/** Before connection tracking, so that a forged packet cannot even speak for another workload's connection. */
const antiSpoof = (filled: Filled): readonly NftChain[] => [
  {
    name: 'unowned',
    rules: [
      ...FAMILIES.map(family => rule(vmap([IN, SOURCE[family]], namedMap(family)))),
      // Hosts without an address yet: duplicate address detection, neighbour discovery, DHCP.
      rule(UNSPECIFIED6, RETURN),
      rule(LINK_LOCAL6, RETURN),
      rule(UNSPECIFIED4, inRanges(DHCP_SERVER_PORT, [[67, 67]], 2), RETURN),
      rule(counter('spoofed')),
      told(PREFIX.spoof),
      rule(DROP),
    ],
  },
  {
    name: 'prerouting',
    base: at('prerouting', RAW),
    rules: filled(localSet('if'))
      ? [
          ...FAMILIES.map(family => rule(vmap([IN_INDEX, SOURCE[family]], ownMap(family)))),
          rule(inSet([IN], localSet('if')), goTo('unowned')),
          ...FAMILIES.filter(family => filled(boundSet(family))).map(family =>
            rule(inSet([SOURCE[family]], boundSet(family)), goTo('unowned')),
          ),
        ]
      : [],
  },
]

/**
 * Of a packet without a connection, or without its beginning, nobody knows who asked: it is lost where either end has
 * rules. Asked by sets, not by way of the chains: each way to them would make every later change slower.
 */
const untraceable = (filled: Filled): NftChain => ({
  name: 'untraceable',
  rules: KEYS.filter(key => filled(judgedSet(key))).flatMap(key =>
    [SOURCE, DESTINATION].map(end => rule(inSet([end[key]], judgedSet(key)), counter('invalid'), DROP)),
  ),
})

const SOLICITATIONS = [
  [133, 133],
  [135, 136],
] as const
const MULTICAST_LISTENERS = [
  [130, 132],
  [143, 143],
] as const

/** What no policy is asked about, in the order in which packets are looked at that have no valid stamp. */
const preamble = (filled: Filled): NftRule[] => [
  // RFC 4861 section 6.1: a packet that came through a router has less. A workload is no router: what only routers
  // say (advertisements, redirects) is left to the policies.
  ...SOLICITATIONS.map(types => rule(HOP_LIMIT(255), inRanges(ICMP6_TYPE, [types], 1), ACCEPT)),
  // RFC 3810 section 5 and RFC 3590. Here a hop limit of 1 proves nothing, for forwarding has taken one off already;
  // but such sources are never forwarded.
  ...MULTICAST_LISTENERS.flatMap(types =>
    [LINK_LOCAL6, UNSPECIFIED6].map(source =>
      rule(source, HOP_LIMIT(1), inRanges(ICMP6_TYPE, [types], 1), ACCEPT),
    ),
  ),
  rule(IS_DENIED, JUDGED_NOW, counter('stopped'), DROP),
  // An error about a connection that was judged, and not denied, passes with it. Any other waits for a packet that can
  // be judged, or two ends that are cut off could talk in errors for as long as the connection is remembered.
  rule(protocolIn([1, 58]), ctState('related'), JUDGED_NOW, ACCEPT),
  rule(protocolIn([1, 58]), ctState('related'), counter('invalid'), DROP),
  rule(ctState('invalid', 'untracked'), jump('untraceable')),
  ...FAMILIES.filter(family => filled(`self_${family}`)).map(family =>
    rule(inSet([ASKER[family], ANSWERER[family]], `self_${family}`), goTo('stamp')),
  ),
  ...FAMILIES.filter(family => filled(nodeSet(family))).map(family =>
    rule(inSet([ASKER[family]], nodeSet(family)), inSet([ANSWERER[family]], nodeSet(family)), goTo('stamp')),
  ),
]

/**
 * The base chains and the judges. A function of which dispatch sets have elements. Whenever a rule with a verdict is
 * added the kernel walks every way from every base chain, so there are as few ways as can be: each chain of policies
 * is reached once for packets of either direction, and from `input` and `output` only where it matters there.
 *
 * Own node → workload always passes: its packets are in `output`, which looks at replies only, and their answers
 * are replies in `input`. No address is trusted for it, since IPv6 has no check of forged local sources.
 */
export function skeletonChains(options: SkeletonOptions): NftChain[] {
  const { filled, inspection } = options
  const cached = [CACHED, ...(inspection ? [INSPECTED] : [])]
  const isJudged = FAMILIES.some(family => filled(nodeSet(family)))
  const node = isJudged ? ({ answerer: 'node' } as const) : {}
  return [
    ...judge(options, 'judge_asker', { asker: IN, answerer: OUT }),
    ...judge(options, 'judge_answerer', { asker: OUT, answerer: IN }),
    nodeJudge(options, 'judge_to_node', { asker: IN, ...node }),
    nodeJudge(options, 'judge_from_node', { asker: OUT, ...node }),
    // Whom the node asks of its own workloads has no say, see above.
    ...(isJudged ? [nodeJudge(options, 'judge_node', { asker: 'node' })] : []),
    { name: 'refuse', rules: [rule(jump('stamp_denied')), rule(DROP)] },
    // Without a stamp, for the other end is to hear of it as well, by its own next packet.
    { name: 'refuse_reset', rules: [rule(RESET), rule(goTo('refuse'))] },
    ...recall(options),
    leaving(filled),
    untraceable(filled),
    ...antiSpoof(filled),
    {
      name: 'forward',
      base: at('forward', FILTER),
      rules: [
        ...cached,
        asksLeaving(filled),
        BEGINNING,
        rule(FIRST, jump('recall')),
        rule(REPLY, goTo('judge_answerer')),
        rule(goTo('judge_asker')),
      ],
    },
    {
      name: 'input',
      base: at('input', FILTER),
      rules: [
        ...cached,
        ...ofNode(filled, DESTINATION, 'judge_node', REPLY),
        rule(REPLY, ACCEPT),
        ...ofNode(filled, DESTINATION, 'judge_to_node'),
        ...workloads(filled, SOURCE, 'judge_to_node'),
      ],
    },
    {
      name: 'output',
      base: at('output', FILTER),
      rules: [
        rule(KERNEL_RESET, ACCEPT),
        ...(inspection ? [rule(OWN, ACCEPT)] : []),
        ...cached,
        ...workloads(filled, DESTINATION, 'judge_from_node', REPLY),
        ...ofNode(filled, SOURCE, 'judge_from_node', REPLY),
        ...ofNode(filled, SOURCE, 'judge_node'),
      ],
    },
  ]
}

/**
 * The only objects that know the generation; replacing them makes every live connection be judged again. They hold
 * no verdicts: a new verdict makes the kernel walk the whole table for loops, milliseconds once it is large.
 */
export function generationFragment(generation: number, inspects: boolean): Fragment {
  const stamp = (state: MarkState): Clause => replaceMark(MARK_MASK, stampMark(state, generation))
  const now = markText(stampMark('allowed', generation))
  const isNot = (state: MarkState): Clause =>
    markIs('ct', { mask: MARK_MASK, operator: '!=', value: stampMark(state, generation) })
  return {
    ...EMPTY,
    chains: [
      { name: 'stamp', rules: [rule(stamp('allowed'))] },
      { name: 'stamp_denied', rules: [rule(stamp('denied'))] },
      ...(inspects
        ? [
            { name: inspectChain('closed'), rules: [rule(stamp('inspectClosed'))] },
            { name: inspectChain('open'), rules: [rule(isNot('inspectClosed'), stamp('inspectOpen'))] },
            {
              name: IDENTIFY,
              rules: [rule(isNot('inspectClosed'), isNot('inspectOpen'), stamp('identify'))],
            },
          ]
        : []),
    ],
    elements: [
      { set: 'current', key: now },
      { set: 'allowed', key: now, verdict: { kind: 'accept' } },
    ],
  }
}
