import type { JsonRecord } from '@sekisho/core'
import { OWN_LABELS, type ResourceType } from '../resource.ts'

/** One of our own kinds, as the API server is told of it. */
export interface CustomKind {
  readonly type: ResourceType
  readonly singular: string
  readonly shortNames: readonly string[]
  /** For people, in one sentence. */
  readonly description: string
  /** Structural schemas. */
  readonly spec: JsonRecord
  readonly status: JsonRecord
  readonly columns: readonly Column[]
}

/** What `kubectl get` prints beside the name. Those with a priority show with `-o wide`. */
export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly jsonPath: string
  readonly description?: string
  readonly priority?: number
}

/** `kubectl get sekisho` lists all of our kinds. */
const CATEGORY = 'sekisho'

const AGE: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }

/** https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/ */
export function definitionOf({ type, singular, shortNames, description, ...of }: CustomKind): JsonRecord {
  const { group, version, kind, plural, namespaced } = type
  const schema = {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: of.spec,
      status: of.status,
    },
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      labels: OWN_LABELS,
      // Deleted with a release they would take every policy with them.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: [CATEGORY] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
          additionalPrinterColumns: [...of.columns, AGE],
        },
      ],
    },
  }
}
