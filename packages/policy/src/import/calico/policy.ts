import { type Direction, LIMITS } from '@sekisho/core'
import type { Spot } from '../../documents/spot.ts'
import { andAll, type Cube, EVERYTHING, inNamespaces } from '../cube.ts'
import type { Foreign } from '../foreign.ts'
import type { OrderedPolicy, Tier } from '../ordered/tiers.ts'
import { type CalicoScope, type NetworkSet, readNets, readSelectorText } from './endpoint.ts'
import { readRule } from './rule.ts'
import { endpointSelector, namespaceSelector } from './selector.ts'

const METADATA = [
  'name',
  'namespace',
  'labels',
  'annotations',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
]

/** Tiers that Calico makes itself. */
export const BUILT_IN: readonly Tier[] = [
  { name: 'kube-admin', order: 1_000, defaultAction: 'Pass' },
  { name: 'default', order: 1_000_000, defaultAction: 'Deny' },
  { name: 'kube-baseline', order: 10_000_000, defaultAction: 'Pass' },
]

/** Where Calico puts the NetworkPolicies of Kubernetes in the default tier. */
export const NETWORK_POLICY_ORDER = 1_000

export function readTier({ root }: Foreign): readonly Tier[] {
  root.fields(['apiVersion', 'kind', 'metadata', 'spec'])
  const name = root.at('metadata').at('name').text()
  const spec = root.at('spec')
  if (!spec.fields(['order', 'defaultAction'])) return []
  const order = readOrder(spec.at('order'))
  const defaultAction = spec.at('defaultAction').absent
    ? 'Deny'
    : spec.at('defaultAction').oneOf(['Deny', 'Pass'])
  return name === undefined || defaultAction === undefined ? [] : [{ name, order, defaultAction }]
}

/** A missing namespace is `default`, as for kubectl. */
const readNamespace = (metadata: Spot): string =>
  metadata.at('namespace').absent ? 'default' : (metadata.at('namespace').text() ?? '')

/** What has no order comes last. */
function readOrder(spot: Spot): number {
  if (spot.absent) return Number.MAX_VALUE
  if (typeof spot.value === 'number' && Number.isFinite(spot.value)) return spot.value
  spot.refuse('must be a number')
  return 0
}

export function readNetworkSet(
  { root }: Foreign,
  kind: 'NetworkSet' | 'GlobalNetworkSet',
): readonly NetworkSet[] {
  root.fields(['apiVersion', 'kind', 'metadata', 'spec'])
  const metadata = root.at('metadata')
  const spec = root.at('spec')
  if (!spec.fields(['nets'])) return []
  const labels = metadata.at('labels')
  return [
    {
      namespace: kind === 'NetworkSet' ? readNamespace(metadata) : '',
      labels: Object.fromEntries(labels.keys.map(key => [key, String(labels.at(key).value)])),
      nets: readNets(spec.at('nets')),
    },
  ]
}

/** Without types: each direction that has rules, and ingress where none has. */
function readTypes(spec: Spot): ReadonlySet<Direction> {
  const written = spec.at('types').list(2)
  if (written.length > 0) {
    const types = written.map(type => type.oneOf(['Ingress', 'Egress']))
    return new Set(types.flatMap(type => (type ? [type === 'Ingress' ? 'ingress' : 'egress'] : [])))
  }
  const has = (direction: Direction) => spec.at(direction).list(LIMITS.rulesPerPolicy.value).length > 0
  return new Set([
    ...(has('ingress') || !has('egress') ? (['ingress'] as const) : []),
    ...(has('egress') ? (['egress'] as const) : []),
  ])
}

function readSubject(spec: Spot, namespace: string): readonly Cube[] {
  const selector = spec.at('selector')
  const namespaces = spec.at('namespaceSelector')
  const pods = selector.absent ? [EVERYTHING] : readSelectorText(selector, endpointSelector)
  if (namespace !== '') return andAll([inNamespaces(namespace)], pods)
  return namespaces.absent ? pods : andAll(readSelectorText(namespaces, namespaceSelector), pods)
}

/** Switches of host endpoints: off they say nothing, on they have no translation. */
function refuseSwitches(spec: Spot): void {
  for (const key of ['doNotTrack', 'preDNAT', 'applyOnForward']) {
    const value = spec.at(key).value
    if (value !== undefined && value !== false && value !== null)
      spec.at(key).refuse('rules of host interfaces have no translation')
  }
  if (!spec.at('serviceAccountSelector').absent && spec.at('serviceAccountSelector').value !== '')
    spec.at('serviceAccountSelector').refuse('labels of service accounts are not known here')
}

function readStage(spec: Spot, kind: string): void {
  const action = spec.at('stagedAction')
  if (action.absent) return
  if (!kind.startsWith('Staged')) action.refuse('unknown field')
  else if (action.value !== 'Set') action.refuse('only Set describes a policy; the others take one away')
}

export interface CalicoText {
  readonly tiers: readonly Tier[]
  readonly sets: readonly NetworkSet[]
}

function findTier(spot: Spot, tiers: readonly Tier[]): Tier | undefined {
  const name = spot.absent ? 'default' : spot.text()
  const tier = tiers.find(one => one.name === name)
  if (!tier) spot.refuse('is a tier that is not in the text, so that its place is not known')
  return tier
}

const SPEC = [
  'tier',
  'order',
  'selector',
  'serviceAccountSelector',
  'types',
  'ingress',
  'egress',
  'stagedAction',
  'performanceHints',
]
const GLOBAL_SPEC = [...SPEC, 'namespaceSelector', 'doNotTrack', 'preDNAT', 'applyOnForward']

/** A NetworkPolicy, GlobalNetworkPolicy or one of their staged kinds; undefined after a finding that hides its place. */
export function readCalicoPolicy(
  foreign: Foreign,
  kind: string,
  text: CalicoText,
): OrderedPolicy | undefined {
  const { root } = foreign
  const isCluster = kind.includes('Global')
  root.fields(['apiVersion', 'kind', 'metadata', 'spec'])
  root.at('metadata').fields(METADATA)
  const spec = root.at('spec')
  if (!spec.fields(isCluster ? GLOBAL_SPEC : SPEC)) return undefined
  const name = root.at('metadata').at('name').text() ?? ''
  const namespace = isCluster ? '' : readNamespace(root.at('metadata'))
  refuseSwitches(spec)
  readStage(spec, kind)
  const scope: CalicoScope = { namespace, sets: text.sets }
  const types = readTypes(spec)
  const rules = (direction: Direction) =>
    spec
      .at(direction)
      .list(LIMITS.rulesPerPolicy.value)
      .flatMap(rule => readRule(rule, { direction, scope, foreign }))
  const [ingress, egress] = [rules('ingress'), rules('egress')]
  const tier = findTier(spec.at('tier'), text.tiers)
  return (
    tier && {
      kind,
      namespace,
      name,
      tier,
      order: readOrder(spec.at('order')),
      subject: readSubject(spec, namespace),
      sections: { ...(types.has('ingress') && { ingress }), ...(types.has('egress') && { egress }) },
      mode: kind.startsWith('Staged') ? 'Audit' : 'Enforce',
    }
  )
}

/**
 * What stands for a policy that has no translation: it is asked about workloads of its namespace, or all of them. One
 * that only allows is missed by nobody but its own workloads.
 */
export function readMissing({ root, kind }: Foreign): OrderedPolicy | undefined {
  const spec = root.at('spec')
  const answers = (direction: Direction) => {
    const rules = spec.at(direction).value
    return (
      Array.isArray(rules) && rules.some((_, i) => DENYING.has(spec.at(direction).at(i).at('action').value))
    )
  }
  const tier = BUILT_IN.find(({ name }) => name === 'default')
  if (!tier || (!answers('ingress') && !answers('egress'))) return undefined
  const metadata = root.at('metadata')
  const namespace = kind.includes('Global') ? '' : readNamespace(metadata)
  return {
    kind,
    namespace,
    name: String(metadata.at('name').value),
    tier,
    order: 0,
    subject: [namespace === '' ? EVERYTHING : inNamespaces(namespace)],
    sections: { ...(answers('ingress') && { ingress: [] }), ...(answers('egress') && { egress: [] }) },
    mode: 'Enforce',
    isMissing: true,
  }
}
const DENYING = new Set<unknown>(['Deny', 'Pass'])
