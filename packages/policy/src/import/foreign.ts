import type { Problem, Workload } from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import type { Finding, Path, Spot } from '../documents/spot.ts'

/** Something that has no exact translation; the whole document it stands in is left out, unless it says otherwise. */
export interface Refusal {
  readonly at: Pick<Problem, 'document' | 'path' | 'line' | 'column' | 'file'>
  /** The field or kind that is in the way, as in `toServices`. */
  readonly construct: string
  readonly reason: string
  /** Only this part is left out: it says nothing of the network, and the rest is translated without it. */
  readonly kept?: true
}

/** Something that is translated, but that a person should know of. */
export interface ImportNote {
  /** Position among the documents of the text, from 0. */
  readonly document: number
  readonly path: string
  readonly text: string
}

export interface ImportOptions {
  readonly file?: string
  /**
   * Every range that pods and nodes have their addresses in. Cilium's CIDR rules never match those and Sekisho's blocks
   * do, so that only with these ranges a block inside private address space has an exact translation.
   */
  readonly clusterCidrs?: readonly string[]
  /** What Cilium calls the cluster (`default` unless it is configured); endpoints of other clusters are none here. */
  readonly clusterName?: string
  /** Workloads of the cluster: NeuVector names them by their owners, Sekisho by the labels that they have. */
  readonly workloads?: readonly Workload[]
}

export interface ImportResult {
  readonly documents: readonly PolicyDocument[]
  readonly refused: readonly Refusal[]
  readonly notes: readonly ImportNote[]
}

/** One foreign document: what it says, and where what it cannot say here is collected. */
export interface Foreign {
  readonly kind: string
  readonly root: Spot
  readonly document: number
  /** Mistakes and constructs without translation; with any, the document is refused whole. */
  readonly findings: readonly Finding[]
  /** Where the root stands: an item of a List has a path of its own. */
  readonly path: Path
  note(spot: Spot, text: string): void
  /** Refuses a part that says nothing of the network; the rest stays. */
  leave(spot: Spot, reason: string): void
}

/** A Sekisho document as JSON, not yet validated. */
export type Draft = Readonly<Record<string, unknown>>

export interface Translated {
  readonly draft: Draft
  readonly from: Foreign
}

/** A product whose documents are read together, for they refer to each other. */
export interface Product {
  /** Refuses by findings; what it returns for a document with findings does not count. */
  readonly translate: (foreigns: readonly Foreign[], options: ImportOptions) => readonly Translated[]
}
