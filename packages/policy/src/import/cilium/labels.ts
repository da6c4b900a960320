import { LIMITS } from '@sekisho/core'
import { readSelector } from '../../documents/selector.ts'
import { type Finding, Spot } from '../../documents/spot.ts'
import { and, type Cube, EVERYTHING, fromSelector, inNamespaces, type Side } from '../cube.ts'

const NAMESPACE = 'io.kubernetes.pod.namespace'
const NAMESPACE_LABELS = 'io.cilium.k8s.namespace.labels.'
const NAME_LABEL = 'kubernetes.io/metadata.name'
const CLUSTER = 'io.cilium.k8s.policy.cluster'

/** Which side a Cilium label is about, and its name there; or why it cannot be said. */
type Place = readonly [Side, string] | 'everywhere' | { readonly refused: string }

/** Sources: without one a label is of any source; Kubernetes' own are `k8s`. */
function place(written: string, operator: string): Place {
  const colon = written.indexOf(':')
  const source = colon < 0 ? 'any' : written.slice(0, colon)
  if (source !== 'any' && source !== 'k8s')
    return { refused: `labels of source "${source}" are not known here` }
  const key = written.slice(colon + 1)
  if (key === NAMESPACE) return ['namespace', NAME_LABEL]
  if (key.startsWith(NAMESPACE_LABELS)) return ['namespace', key.slice(NAMESPACE_LABELS.length)]
  // Every endpoint of Kubernetes has the label, so that its presence says nothing.
  if (key === CLUSTER && operator === 'Exists') return 'everywhere'
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

/** One demand on Sekisho's labels, read by the reader of LabelSelectors so that names and values are checked. */
function cubeOf({ spot, key, operator, values }: Demand): Cube | undefined {
  const where = place(key, operator)
  if (where === 'everywhere') return EVERYTHING
  if ('refused' in where) {
    spot.refuse(where.refused)
    return undefined
  }
  const takesValues = operator === 'In' || operator === 'NotIn'
  const expression = { key: where[1], operator, ...(takesValues && { values }) }
  const findings: Finding[] = []
  const selector = readSelector(new Spot({ matchExpressions: [expression] }, [], findings))
  for (const { reason } of findings) spot.refuse(reason)
  return findings.length > 0 ? undefined : fromSelector(selector, where[0])
}

/**
 * An EndpointSelector. Without a word on namespaces, one of a CiliumNetworkPolicy is of the policy's own, and one of a
 * CiliumClusterwideNetworkPolicy of any (Cilium: getEndpointSelector). Nothing when the demands contradict each other.
 */
export function readEndpoints(spot: Spot, namespace: string): readonly Cube[] {
  if (!spot.fields(['matchLabels', 'matchExpressions'])) return []
  let cube: Cube | undefined = EVERYTHING
  for (const demand of demands(spot)) {
    const one = cubeOf(demand)
    cube = one && cube && and(cube, one)
  }
  if (!cube) return []
  const saysNamespace = namespace === '' || [...cube.keys()].some(key => key.startsWith('namespace '))
  return saysNamespace ? [cube] : [and(cube, inNamespaces(namespace)) ?? cube]
}
