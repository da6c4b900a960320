import { KINDS } from '../documents/kinds.ts'
import { readDocument } from '../documents/validate.ts'
import type { Draft, Product } from './foreign.ts'

/** Documents that Sekisho reads as they are. NetworkPolicies are read with Calico's, among which they have a place. */
export const own: Product = {
  owns: (apiVersion, kind) =>
    Object.hasOwn(KINDS, kind) &&
    KINDS[kind as keyof typeof KINDS].apiVersion === apiVersion && // its own key
    kind !== 'NetworkPolicy',
  translate: foreigns =>
    foreigns.flatMap(from =>
      // What the reader finds wrong is found at its place; the root it reads is an object.
      readDocument(from.root) ? [{ draft: from.root.value as Draft, from }] : [],
    ),
}
