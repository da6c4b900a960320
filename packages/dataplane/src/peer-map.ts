import { FAMILIES } from '@sekisho/core'
import type { PortMatch, RuleTable, SetId } from '@sekisho/policy'
import { countedBy, L4PROTO, PEER_CLASS } from './field.ts'
import { ANSWERING_PORT, WITH_PORTS } from './match.ts'
import { peerMapName } from './names.ts'
import type { NftPeerMap, NftRule, PeerLine } from './objects.ts'
import { isSingle, portText, singlePorts } from './port-dispatch.ts'
import { type Asked, nftRules } from './rule.ts'
import { RETURN, rule } from './statement.ts'

/**
 * A run of rules that let peers pass is asked as a map, from the peer's class and the port to the counter of the rule
 * that decides. What a workload's policies let pass is then data: a new combination of them is elements, where rules
 * would each cost the kernel a search for their set and a part of the search for loops; and a packet is looked up.
 */
const RULES_MIN = 8
/** Each chain that lets a set's members pass has an element for each of their classes: larger sets stay sets. */
const PEERS_MAX = 256
/** Likewise there is an element for each port. */
const PORTS_MAX = 16

/** Whether a set's members may be elements of maps. Chains that ask for it change when this does. */
export function isNarrow(table: RuleTable, id: SetId): boolean {
  const set = table.sets.get(id)
  return set?.kind === 'selector' && set.members.size <= PEERS_MAX
}

function isMappable(table: RuleTable, asked: Asked): boolean {
  const { action, peers, outside, ports, namedPorts = [] } = asked.rule
  if (action !== 'allow' || outside || namedPorts.length > 0) return false
  if (!peers?.every(id => isNarrow(table, id))) return false
  return ports === undefined || (isSingle(asked) && keysOf(ports).length <= PORTS_MAX)
}

/** Ports as parts of elements' keys. The same ports come again with every chain that has the rule. */
function keysOf(ports: readonly PortMatch[]): readonly string[] {
  const known = KEYS.get(ports) ?? singlePorts(ports).map(portText)
  KEYS.set(ports, known)
  return known
}
const KEYS = new WeakMap<readonly PortMatch[], readonly string[]>()

/** A rule of a run, its ports as parts of elements' keys. */
interface Line extends PeerLine {
  readonly peers: readonly SetId[]
}

const runLines = (run: readonly Asked[]): Line[] =>
  run.flatMap(({ rule: { peers = [], ports }, counter }, order): Line[] =>
    ports === undefined
      ? [{ order, counter, peers }]
      : keysOf(ports).map(port => ({ order, counter, peers, port })),
  )

function bySet(lines: readonly Line[]): NftPeerMap['lines'] {
  const found = new Map<SetId, PeerLine[]>()
  for (const line of lines) {
    for (const id of line.peers) {
      const known = found.get(id)
      if (known) known.push(line)
      else found.set(id, [line])
    }
  }
  return found
}

interface Walked {
  readonly peerMaps: readonly NftPeerMap[]
  readonly rules: readonly NftRule[]
}

/** Where a rule asks for no port, a class is looked for alone; after a look with the port, which may be earlier. */
function mapped(name: string, run: readonly Asked[]): Walked {
  const lines = runLines(run)
  const anyPort = lines.filter(({ port }) => port === undefined)
  const peerMaps: NftPeerMap[] = []
  const rules: NftRule[] = []
  if (anyPort.length < lines.length) {
    const set = { name: peerMapName('port', name), key: BY_PORT, data: 'counter' } as const
    peerMaps.push({ set, lines: bySet(lines) })
    rules.push(rule(WITH_PORTS, countedBy([PEER_CLASS, L4PROTO, ANSWERING_PORT], set.name), RETURN))
  }
  if (anyPort.length > 0) {
    const set = { name: peerMapName('any', name), key: ['classid'], data: 'counter' } as const
    peerMaps.push({ set, lines: bySet(anyPort) })
    rules.push(rule(countedBy([PEER_CLASS], set.name), RETURN))
  }
  return { peerMaps, rules }
}
const BY_PORT = ['classid', 'inet_proto', 'inet_service'] as const

const joined = (parts: readonly Walked[]): Walked => ({
  peerMaps: parts.flatMap(({ peerMaps }) => peerMaps),
  rules: parts.flatMap(({ rules }) => rules),
})

/** Neighbours of which the same can be said, in their order. */
function runs(
  table: RuleTable,
  asked: readonly Asked[],
): { first: number; mappable: boolean; run: Asked[] }[] {
  const found: { first: number; mappable: boolean; run: Asked[] }[] = []
  for (const [first, one] of asked.entries()) {
    const mappable = isMappable(table, one)
    const last = found.at(-1)
    if (last?.mappable === mappable) last.run.push(one)
    else found.push({ first, mappable, run: [one] })
  }
  return found
}

/** How many nft rules a mappable run would be: one for each peer and family. */
const rulesOf = (run: readonly Asked[]): number =>
  run.reduce((sum, { rule: { peers = [] } }) => sum + peers.length * FAMILIES.length, 0)

/**
 * The nft rules of a walk, with maps where they save rules. A run's place and length are in its maps' names: with other
 * runs, when a set has become too large, there are other maps.
 */
export const walked = (table: RuleTable, name: string, asked: readonly Asked[]): Walked =>
  joined(
    runs(table, asked).map(({ first, mappable, run }) => {
      if (!mappable || rulesOf(run) < RULES_MIN) {
        return { peerMaps: [], rules: run.flatMap(one => nftRules(table, one)) }
      }
      return mapped(`${name} ${first} ${run.length}`, run)
    }),
  )
