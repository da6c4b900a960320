import { type Labels, MODES, type Mode, type PolicyDocumentJson } from '@sekisho/core'
import type { PodsPeer, PolicyBase } from './document.ts'
import { dnsLabel, dnsSubdomain, labelKey } from './names.ts'
import { readLabels } from './selector.ts'
import type { Spot } from './spot.ts'

/** How a kind of Kubernetes, whose spec has no place for it, says its mode. */
export const MODE_ANNOTATION = 'sekisho.dev/mode'

/** ObjectMeta as `kubectl get -o yaml` prints it; what is not read here is kept in the source only. */
const OBJECT_META = [
  'name',
  'namespace',
  'labels',
  'annotations',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'finalizers',
  'managedFields',
  'ownerReferences',
  'selfLink',
]

export interface Metadata {
  readonly name: string
  /** Empty for a cluster-scoped kind. */
  readonly namespace: string
  readonly labels: Labels
  readonly annotations: Spot
}

function readNamespace(spot: Spot, scope: 'namespaced' | 'cluster'): string {
  if (scope === 'cluster') {
    if (!spot.absent) spot.refuse('this kind has no namespace')
    return ''
  }
  const name = spot.absent ? 'default' : spot.text()
  const wrong = name === undefined ? undefined : dnsLabel(name)
  if (wrong !== undefined) spot.refuse(wrong)
  return name ?? ''
}

function readAnnotations(spot: Spot): void {
  if (spot.absent || !spot.object()) return
  for (const key of spot.keys) {
    const wrong = labelKey(key.toLowerCase())
    if (wrong !== undefined) spot.at(key).refuse(`the key ${wrong}`)
    spot.at(key).text()
  }
}

/** A missing namespace is `default`, as for kubectl. */
export function readMetadata(spot: Spot, scope: 'namespaced' | 'cluster'): Metadata {
  const annotations = spot.at('annotations')
  if (!spot.fields(OBJECT_META)) return { name: '', namespace: '', labels: {}, annotations }
  const name = spot.at('name').text()
  const wrong = name === undefined ? undefined : dnsSubdomain(name)
  if (wrong !== undefined) spot.at('name').refuse(wrong)
  const labels = readLabels(spot.at('labels'))
  readAnnotations(annotations)
  return { name: name ?? '', namespace: readNamespace(spot.at('namespace'), scope), labels, annotations }
}

/** The name of a kind of the whole cluster that others name: shorter than Kubernetes would take. */
export function readLabelName(metadata: Spot): string {
  const { name } = readMetadata(metadata, 'cluster')
  const wrong = name === '' ? undefined : dnsLabel(name)
  if (wrong !== undefined) metadata.at('name').refuse(wrong)
  return name
}

/** A mode that is written wrong is refused: guessing could enforce by accident, or fail to. */
export const readMode = (spot: Spot, byDefault: Mode): Mode =>
  spot.absent ? byDefault : (spot.oneOf(MODES) ?? byDefault)

/** The source with its mode as an annotation. */
export function annotateMode(source: PolicyDocumentJson, mode: Mode): PolicyDocumentJson {
  const metadata = source.metadata as Readonly<Record<string, unknown>>
  const annotations = {
    ...(metadata.annotations as Readonly<Record<string, unknown>> | null),
    [MODE_ANNOTATION]: mode,
  }
  return { ...source, metadata: { ...metadata, annotations } }
}

/** Kinds of Kubernetes ask for no inspection, and do not say how what they deny ends. */
export const UNINSPECTED = {
  profiles: [],
  onFailure: 'closed',
  onDeny: 'drop',
} as const satisfies Partial<PolicyBase>

/** No workload: nothing can have a label and not have it. */
const NOBODY: PodsPeer = {
  kind: 'pods',
  podSelector: {
    matchExpressions: [
      { key: 'sekisho.dev/nobody', operator: 'Exists' },
      { key: 'sekisho.dev/nobody', operator: 'DoesNotExist' },
    ],
  },
}

/** Kinds that policies name judge nothing by themselves; they are of the whole cluster. */
export const JUDGES_NOTHING = {
  namespace: '',
  mode: 'Enforce',
  subject: NOBODY,
  sections: {},
  ...UNINSPECTED,
} as const satisfies Partial<PolicyBase>
