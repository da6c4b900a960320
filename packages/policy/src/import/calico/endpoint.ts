import { type Cidr, covers, LIMITS, NAME_LABEL, parseCidr, parseIp, type Result } from '@sekisho/core'
import type { Spot } from '../../documents/spot.ts'
import { andAll, type Cube, EVERYTHING, holds, inNamespaces, ofAccounts, subtract } from '../cube.ts'
import type { OrderedPeer } from '../ordered/rule.ts'
import { endpointSelector, namespaceSelector } from './selector.ts'

/** A NetworkSet (of a namespace) or GlobalNetworkSet (namespace empty) of the same text. */
export interface NetworkSet {
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly nets: readonly Cidr[]
}

/** What the selectors of a policy are read against. */
export interface CalicoScope {
  /** Empty for a GlobalNetworkPolicy. */
  readonly namespace: string
  readonly sets: readonly NetworkSet[]
}

/** Calico masks what is written after the prefix and reads an address alone as a block of one. */
export function readNet(spot: Spot): readonly Cidr[] {
  const text = spot.text()
  if (text === undefined) return []
  const [address = '', prefix, ...more] = text.split('/')
  const ip = parseIp(address)
  const bits = ip?.family === 6 ? 128 : 32
  const length = Number(prefix ?? bits)
  if (!ip || more.length > 0 || !/^\d{1,3}$/.test(prefix ?? '0') || length > bits) {
    spot.refuse('is not an address or block')
    return []
  }
  const size = 1n << BigInt(bits - length)
  const first = ip.value - (ip.value % size)
  return [{ family: ip.family, prefix: length, first, last: first + size - 1n }]
}

export const readNets = (spot: Spot): readonly Cidr[] => spot.list(LIMITS.peersPerRule.value).flatMap(readNet)

/** A selector; an empty list of cubes after a finding. */
export function readSelectorText(
  spot: Spot,
  read: (text: string) => Result<Cube[], string>,
): readonly Cube[] {
  const text = spot.text()
  if (text === undefined) return []
  const cubes = read(text)
  if (cubes.ok) return cubes.value
  spot.refuse(cubes.error)
  return []
}

const isGlobal = (spot: Spot): boolean =>
  typeof spot.value === 'string' && /^\s*global\(\s*\)\s*$/.test(spot.value)

/** Namespaces that a selector of this policy looks into. */
function scopeCubes(spot: Spot, { namespace }: CalicoScope): readonly Cube[] {
  if (!spot.absent) return isGlobal(spot) ? [] : readSelectorText(spot, namespaceSelector)
  return namespace === '' ? [EVERYTHING] : [inNamespaces(namespace)]
}

/** Blocks of the network sets that the cubes mean: a set has labels, and the namespace it is in. */
function setBlocks(spot: Spot, cubes: readonly Cube[], { namespace, sets }: CalicoScope): OrderedPeer[] {
  const named = spot.at('namespaceSelector')
  return sets.flatMap(set => {
    const isOpen = named.absent ? namespace === '' || set.namespace === namespace : set.namespace !== ''
    const labels = { pod: set.labels, namespace: { [NAME_LABEL]: set.namespace } }
    if (!isOpen || !cubes.some(cube => holds(cube, labels))) return []
    return set.nets.map(cidr => ({ kind: 'block' as const, cidr, except: [] }))
  })
}

function globalSetBlocks(cubes: readonly Cube[], { sets }: CalicoScope): OrderedPeer[] {
  const global = sets.filter(({ namespace }) => namespace === '')
  const chosen = global.filter(({ labels }) =>
    cubes.some(cube => holds(cube, { pod: labels, namespace: {} })),
  )
  return chosen.flatMap(({ nets }) => nets.map(cidr => ({ kind: 'block' as const, cidr, except: [] })))
}

/** Everything that is no workload: the world, nodes, and machines outside that Sekisho is told about. */
const ELSEWHERE: readonly OrderedPeer[] = [
  { kind: 'written', peer: { entity: 'world' } },
  { kind: 'written', peer: { hostSelector: {} } },
  { kind: 'written', peer: { externalSelector: {} } },
]

/** `notSelector` alone is whatever the selector does not mean, in every namespace and outside. */
function readUnselected(
  spot: Spot,
  unwanted: readonly Cube[],
  { sets }: CalicoScope,
): readonly OrderedPeer[] {
  const known = ({ labels, namespace }: NetworkSet) => ({
    pod: labels,
    namespace: { [NAME_LABEL]: namespace },
  })
  if (sets.some(set => unwanted.some(cube => holds(cube, known(set)))))
    spot.refuse('leaves out a network set, for which Sekisho has no word')
  const pods = subtract([EVERYTHING], unwanted).map(cube => ({ kind: 'pods' as const, cube }))
  return [...pods, ...ELSEWHERE]
}

/** Service accounts by name; their labels are not known here. */
function readAccounts(spot: Spot): readonly Cube[] {
  if (spot.absent || !spot.fields(['names', 'selector'])) return [EVERYTHING]
  if (!spot.at('selector').absent) spot.at('selector').refuse('labels of service accounts are not known here')
  const names = spot.at('names').list(LIMITS.peersPerRule.value)
  if (names.length === 0) spot.at('names').refuse('needs at least one name')
  return [ofAccounts(...names.flatMap(name => name.text() ?? []))]
}

function readSelected(spot: Spot, scope: CalicoScope): readonly OrderedPeer[] {
  const [selector, not, namespaces, accounts] = [
    spot.at('selector'),
    spot.at('notSelector'),
    spot.at('namespaceSelector'),
    spot.at('serviceAccounts'),
  ]
  const wanted = selector.absent ? [EVERYTHING] : readSelectorText(selector, endpointSelector)
  const unwanted = not.absent ? [] : readSelectorText(not, endpointSelector)
  if (selector.absent && namespaces.absent && accounts.absent) return readUnselected(not, unwanted, scope)
  const labelled = andAll(subtract(wanted, unwanted), readAccounts(accounts))
  if (isGlobal(namespaces)) return globalSetBlocks(labelled, scope)
  const cubes = andAll(scopeCubes(namespaces, scope), labelled)
  return [...cubes.map(cube => ({ kind: 'pods' as const, cube })), ...setBlocks(spot, cubes, scope)]
}

const WHOLE: readonly Cidr[] = ['0.0.0.0/0', '::/0'].flatMap(text => {
  const cidr = parseCidr(text)
  return cidr.ok ? [cidr.value] : []
})

/** `nets` less `notNets`: holes inside become exceptions, what a hole covers is gone. */
const blocks = (nets: readonly Cidr[], holes: readonly Cidr[]): readonly OrderedPeer[] =>
  nets.flatMap(cidr =>
    holes.some(hole => covers(hole, cidr))
      ? []
      : [{ kind: 'block' as const, cidr, except: holes.filter(hole => covers(cidr, hole)) }],
  )

/** The own side of a rule: which of the policy's workloads it is about; undefined where it is about all. */
export function readOwn(spot: Spot, scope: CalicoScope): readonly Cube[] | undefined {
  for (const key of ['nets', 'notNets', 'serviceAccounts'])
    if (!spot.at(key).absent)
      spot.at(key).refuse('a rule about some of the selected workloads goes by labels')
  const [selector, not, namespaces] = [
    spot.at('selector'),
    spot.at('notSelector'),
    spot.at('namespaceSelector'),
  ]
  if (selector.absent && not.absent && namespaces.absent) return undefined
  const wanted = selector.absent ? [EVERYTHING] : readSelectorText(selector, endpointSelector)
  const unwanted = not.absent ? [] : readSelectorText(not, endpointSelector)
  const spaces = namespaces.absent ? [EVERYTHING] : scopeCubes(namespaces, scope)
  return subtract(andAll(spaces, wanted), unwanted)
}

/** The peer's side of a rule: undefined means every peer, an empty list none. */
export function readPeers(spot: Spot, scope: CalicoScope): readonly OrderedPeer[] | undefined {
  const has = (key: string): boolean => !spot.at(key).absent
  const bySelector =
    has('selector') || has('notSelector') || has('namespaceSelector') || has('serviceAccounts')
  const byNet = has('nets') || has('notNets')
  if (bySelector && byNet) {
    spot
      .at(has('nets') ? 'nets' : 'notNets')
      .refuse('together with a selector there is no such peer in Sekisho')
    return []
  }
  if (bySelector) return readSelected(spot, scope)
  if (!byNet) return undefined
  return blocks(has('nets') ? readNets(spot.at('nets')) : WHOLE, readNets(spot.at('notNets')))
}
