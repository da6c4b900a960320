import { type Cidr, LIMITS } from '@sekisho/core'
import { dnsLabel, labelKey, labelValue } from '../../documents/names.ts'
import type { Spot } from '../../documents/spot.ts'
import { andAll, type Cube, EVERYTHING, exists, inNamespaces, isIn, isNotIn, subtract } from '../cube.ts'
import type { OrderedPeer } from '../ordered/rule.ts'
import { readAddress } from './addresses.ts'
import type { Services } from './services.ts'

/** What rules are from and to. */
export interface Group {
  readonly name: string
  /** Its workloads; none for nodes, addresses and what is outside. */
  readonly subject: readonly Cube[]
  /** The same as the other end of a conversation. */
  readonly peers: readonly OrderedPeer[]
}

export interface GroupContext {
  readonly services: Services | undefined
  readonly cluster: readonly Cidr[] | undefined
  /** Selectors that say what a group is, by its name. */
  readonly defined: ReadonlyMap<string, Spot>
  /** Groups that were read already, so that what is wrong with one is said once. */
  readonly read: Map<Spot, Members>
}

type Members = Omit<Group, 'name'>

/** Workloads that a criterion selects. NeuVector joins those of one key with "or", but negative ones with "and". */
interface Met {
  readonly cubes: readonly Cube[]
  readonly positive: boolean
}

interface Criterion {
  readonly spot: Spot
  readonly key: string
  readonly op: '=' | '!='
  readonly value: string
}

const NEVER: Met = { cubes: [], positive: true }

const refused = (spot: Spot, reason: string): Met => {
  spot.refuse(reason)
  return NEVER
}

const isEvery = ({ op, value }: Criterion): boolean => op === '=' && (value === '*' || value === 'any')

/** Of cubes that are selected, or of all others. */
const met = ({ op }: Criterion, cubes: readonly Cube[]): Met =>
  op === '=' ? { cubes, positive: true } : { cubes: subtract([EVERYTHING], cubes), positive: false }

function readNamespace(criterion: Criterion): Met {
  if (isEvery(criterion)) return { cubes: [EVERYTHING], positive: true }
  const wrong = dnsLabel(criterion.value)
  if (wrong !== undefined) return refused(criterion.spot.at('value'), wrong)
  return met(criterion, [inNamespaces(criterion.value)])
}

function readService(criterion: Criterion, { services }: GroupContext): Met {
  const { spot, value } = criterion
  if (isEvery(criterion)) return { cubes: [EVERYTHING], positive: true }
  const at = spot.at('value')
  if (!services)
    return refused(
      at,
      `${value} is a workload by its owner: say which workloads there are to find its labels`,
    )
  const service = services.get(value)
  if (!service) return refused(at, `no workload of ${value} is known`)
  return 'refused' in service ? refused(at, `${value} ${service.refused}`) : met(criterion, service.cubes)
}

/** A label that is not there meets no criterion, a negative one neither. */
function readLabel(criterion: Criterion, side: 'pod' | 'namespace'): Met {
  const { spot, key, op, value } = criterion
  const name = side === 'namespace' ? key.slice('ns:'.length) : key
  const wrong = labelKey(name) ?? (isEvery(criterion) ? undefined : labelValue(value))
  if (wrong !== undefined) return refused(spot, `the label ${wrong}`)
  if (isEvery(criterion)) return { cubes: [exists(side, name)], positive: true }
  if (op === '=') return { cubes: [isIn(side, name, [value])], positive: true }
  return { cubes: andAll([exists(side, name)], [isNotIn(side, name, [value])]), positive: false }
}

/** Facts that Sekisho's selectors do not ask for. */
const UNKNOWN = ['image', 'node', 'label']

function readMet(criterion: Criterion, context: GroupContext): Met {
  const { spot, key } = criterion
  if (key === 'service') return readService(criterion, context)
  if (key === 'domain' || key === 'namespace') return readNamespace(criterion)
  if (UNKNOWN.includes(key) || (key === 'container' && !isEvery(criterion)))
    return refused(spot.at('key'), `workloads cannot be selected by ${key}`)
  if (key === 'container') return { cubes: [EVERYTHING], positive: true }
  return readLabel(criterion, key.startsWith('ns:') ? 'namespace' : 'pod')
}

function readCriterion(spot: Spot): readonly Criterion[] {
  spot.fields(['key', 'op', 'value'])
  const [key, value] = [spot.at('key').text(), spot.at('value').text()]
  const op = spot.at('op').oneOf(['=', '!=', 'contains', 'prefix', 'regex', '!regex'])
  if (key === undefined || value === undefined || op === undefined) return []
  if (op !== '=' && op !== '!=') spot.at('op').refuse(`labels and names are compared whole, not by ${op}`)
  else if (/[*?]/.test(value) && value !== '*' && key !== 'address')
    spot.at('value').refuse('labels and names are compared whole, not by patterns')
  else return [{ spot, key, op, value }]
  return []
}

/** Criteria of one key are alternatives, those of different keys must all be met; all labels are one key. */
function readWorkloads(spot: Spot, criteria: readonly Criterion[], context: GroupContext): readonly Cube[] {
  const byKey = new Map<string, Met>()
  const special = ['image', 'node', 'container', 'service', 'domain', 'namespace']
  for (const criterion of criteria) {
    const isLabel = !special.includes(criterion.key)
    const key = !isLabel ? criterion.key : criterion.key.startsWith('ns:') ? ' namespace' : ' pod'
    const one = readMet(criterion, context)
    const held = byKey.get(key)
    if (held && isLabel && !(held.positive && one.positive))
      spot.refuse('labels that are compared with "!=" are joined differently where one of them is missing')
    const both = held && !held.positive && !one.positive
    const cubes = both ? andAll(held.cubes, one.cubes) : [...(held?.cubes ?? []), ...one.cubes]
    byKey.set(key, { cubes, positive: one.positive || held?.positive === true })
  }
  return [...byKey.values()].reduce<readonly Cube[]>((all, { cubes }) => andAll(all, cubes), [EVERYTHING])
}

const written = (...peers: readonly Readonly<Record<string, unknown>>[]): readonly OrderedPeer[] =>
  peers.map(peer => ({ kind: 'written', peer }))

/** Groups that NeuVector makes itself: what is written of them does not count. */
const RESERVED: Readonly<Record<string, Members>> = {
  containers: { subject: [EVERYTHING], peers: [{ kind: 'pods', cube: EVERYTHING }] },
  nodes: { subject: [], peers: written({ hostSelector: {} }) },
  external: { subject: [], peers: written({ entity: 'world' }, { externalSelector: {} }) },
}

const SELECTOR = ['name', 'original_name', 'name_referral', 'comment', 'criteria']
/** Thresholds of alerts. */
export const THRESHOLDS = ['mon_metric', 'grp_sess_cur', 'grp_sess_rate', 'grp_band_width']

/** Addresses are no members: such a group is a peer only. */
function readAddresses(criteria: readonly Criterion[], cluster: GroupContext['cluster']): Members {
  const peers = criteria.flatMap(({ spot, op }) => {
    if (op === '!=') spot.at('op').refuse('addresses are compared with "=" only')
    return readAddress(spot.at('value'), cluster)
  })
  return { subject: [], peers }
}

function readMembers(spot: Spot, context: GroupContext): Members {
  const criteria = spot.at('criteria').list(LIMITS.labelsPerWorkload.value).flatMap(readCriterion)
  const addresses = criteria.filter(({ key }) => key === 'address')
  if (addresses.length > 0 && addresses.length < criteria.length)
    spot.refuse('addresses and workloads are not one group')
  if (addresses.length > 0) return readAddresses(addresses, context.cluster)
  const subject = readWorkloads(spot, criteria, context)
  return { subject, peers: subject.map(cube => ({ kind: 'pods', cube })) }
}

/** The selector of a target or rule; where it only names a group, what another document says of it. */
export function readGroup(spot: Spot, context: GroupContext): Group | undefined {
  if (!spot.fields([...SELECTOR, ...THRESHOLDS])) return undefined
  const name = spot.at('name').text()
  if (name === undefined) return undefined
  const reserved = Object.hasOwn(RESERVED, name) ? RESERVED[name] : undefined
  if (reserved) return { name, ...reserved }
  const isNamed = spot.at('name_referral').value === true || isUndefined(spot)
  const source = isNamed ? context.defined.get(name) : spot
  if (name.startsWith('nv.ip.') || !source) {
    const why = source ? 'is the address of a Service, which stands for its pods here' : 'is nowhere defined'
    spot.at('name').refuse(`${name} ${why}`)
    return undefined
  }
  const members = context.read.get(source) ?? readMembers(source, context)
  context.read.set(source, members)
  return { name, ...members }
}

/** Whether a selector says no more than a name. */
export const isUndefined = (spot: Spot): boolean => {
  const criteria = spot.at('criteria').value
  return !Array.isArray(criteria) || criteria.length === 0
}
