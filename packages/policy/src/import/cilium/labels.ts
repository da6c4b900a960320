import { LIMITS, NAME_LABEL } from '@sekisho/core'
import { readSelector } from '../../documents/selector.ts'
import { type Finding, Spot } from '../../documents/spot.ts'
import {
  andAll,
  type Cube,
  EVERYTHING,
  fromSelector,
  inNamespaces,
  type LabelSide,
  ofAccounts,
} from '../cube.ts'

const NAMESPACE = 'io.kubernetes.pod.namespace'
const NAMESPACE_LABELS = 'io.cilium.k8s.namespace.labels.'
const CLUSTER = 'io.cilium.k8s.policy.cluster'
const ACCOUNT = 'io.cilium.k8s.policy.serviceaccount'

/** Where the labels of a policy are read. */
export interface LabelScope {
  /** Empty for a CiliumClusterwideNetworkPolicy. */
  readonly namespace: string
  /** Cilium's name for the cluster, where it is known. */
  readonly clusterName: string | undefined
}

/** What a Cilium label is about, and its name there; or why it cannot be said. */
type Place = readonly [LabelSide, string] | 'account' | 'cluster' | { readonly refused: string }

/** Sources: without one a label is of any source; Kubernetes' own are `k8s`. */
function place(written: string): Place {
  const colon = written.indexOf(':')
  const source = colon < 0 ? 'any' : written.slice(0, colon)
  if (source !== 'any' && source !== 'k8s')
    return { refused: `labels of source "${source}" are not known here` }
  const key = written.slice(colon + 1)
  if (key === NAMESPACE) return ['namespace', NAME_LABEL]
  if (key.startsWith(NAMESPACE_LABELS)) return ['namespace', key.slice(NAMESPACE_LABELS.length)]
  if (key === ACCOUNT) return 'account'
  if (key === CLUSTER) return 'cluster'
  if (key.startsWith('io.cilium.') || key === 'reserved')
    return { refused: `the label ${key} that Cilium makes is not known here` }
  return ['pod', key]
}

interface Demand {
  readonly spot: Spot
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  readonly values: readonly string[]
}

function demands(spot: Spot): Demand[] {
  const labels = spot.at('matchLabels')
  const equal = labels.absent || !labels.object() ? [] : labels.keys
  const list = spot.at('matchExpressions').list(LIMITS.labelsPerWorkload.value)
  return [
    ...equal.map((key): Demand => {
      const value = labels.at(key).text() ?? ''
      return { spot: labels.at(key), key, operator: 'In', values: [value] }
    }),
    ...list.flatMap((item): Demand[] => {
      item.fields(['key', 'operator', 'values'])
      const key = item.at('key').text()
      const operator = item.at('operator').oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      const values = item
        .at('values')
        .list(LIMITS.labelsPerWorkload.value)
        .flatMap(value => value.text() ?? [])
      return key === undefined || operator === undefined
        ? []
        : [{ spot: item.at('key'), key, operator, values }]
    }),
  ]
}

/** Every endpoint of a cluster has its name as a label; those of other clusters are none of Sekisho's. */
function ofCluster({ spot, operator, values }: Demand, clusterName: string | undefined): readonly Cube[] {
  if (operator === 'Exists') return [EVERYTHING]
  if (operator === 'DoesNotExist') return []
  if (clusterName === undefined) spot.refuse('is about clusters by name: say what the name of this one is')
  return (operator === 'In') === (clusterName !== undefined && values.includes(clusterName))
    ? [EVERYTHING]
    : []
}

/** Every pod has a service account. */
function ofAccount({ spot, operator, values }: Demand): readonly Cube[] {
  if (operator === 'Exists') return [EVERYTHING]
  if (operator === 'In') return [ofAccounts(...values)]
  spot.refuse('workloads cannot be selected by the service account they do not have')
  return []
}

/** One demand on Sekisho's labels, read by the reader of LabelSelectors so that names and values are checked. */
function cubesOf(demand: Demand, { clusterName }: LabelScope): readonly Cube[] {
  const { spot, key, operator, values } = demand
  const where = place(key)
  if (where === 'cluster') return ofCluster(demand, clusterName)
  if (where === 'account') return ofAccount(demand)
  if ('refused' in where) {
    spot.refuse(where.refused)
    return []
  }
  const takesValues = operator === 'In' || operator === 'NotIn'
  const expression = { key: where[1], operator, ...(takesValues && { values }) }
  const findings: Finding[] = []
  const selector = readSelector(new Spot({ matchExpressions: [expression] }, [], findings))
  for (const { reason } of findings) spot.refuse(reason)
  const cube = findings.length > 0 ? undefined : fromSelector(selector, where[0])
  return cube ? [cube] : []
}

/**
 * An EndpointSelector. Without a word on namespaces, one of a CiliumNetworkPolicy is of the policy's own, and one of a
 * CiliumClusterwideNetworkPolicy of any (Cilium: getEndpointSelector). Nothing when the demands contradict each other.
 */
export function readEndpoints(spot: Spot, scope: LabelScope): readonly Cube[] {
  if (!spot.fields(['matchLabels', 'matchExpressions'])) return []
  let cubes: readonly Cube[] = [EVERYTHING]
  for (const demand of demands(spot)) cubes = andAll(cubes, cubesOf(demand, scope))
  const home = scope.namespace === '' ? EVERYTHING : inNamespaces(scope.namespace)
  const saysNamespace = (cube: Cube) => [...cube.keys()].some(key => key.startsWith('namespace '))
  return cubes.flatMap(cube => (saysNamespace(cube) ? [cube] : andAll([cube], [home])))
}
