import type { Labels, NamedPort } from '@sekisho/core'
import { LIMITS } from '@sekisho/core'

/** What a runtime's own records say about a container; the kernel knows nothing of this. */
export interface ContainerFacts {
  readonly id: string
  readonly name: string
  readonly image?: string
  readonly labels: Labels
  readonly ports: readonly NamedPort[]
  /** The Kubernetes pod it is part of. */
  readonly pod?: { readonly namespace: string; readonly name: string }
}

/** Reads the records of one runtime; without that runtime an empty list. */
export type FactsReader = () => Promise<readonly ContainerFacts[]>

const LABEL_MOST = 1_024

/** Labels within the limits: images bring some that are whole documents, which select nothing. */
export const boundedLabels = (labels: Labels): Labels =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([key, value]) => key.length <= 317 && value.length <= LABEL_MOST)
      .slice(0, LIMITS.labelsPerWorkload.value),
  )
