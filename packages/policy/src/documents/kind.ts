import type { Mode, PolicyDocumentJson } from '@sekisho/core'
import type { PolicyDocument } from './document.ts'
import type { Spot } from './spot.ts'

/** Everything Sekisho knows about one kind of document. */
export interface DocumentKind<D extends PolicyDocument = PolicyDocument> {
  readonly apiVersion: string
  readonly kind: D['kind']
  /** Reads a document whose kind is known. What it returns counts only if no finding was made on the way. */
  read(root: Spot): Omit<D, 'source'>
  /** The source of a valid document with another mode. */
  writeMode(source: PolicyDocumentJson, mode: Mode): PolicyDocumentJson
}
