import { readDocument } from '../documents/validate.ts'
import type { Draft, Product } from './foreign.ts'

/** Documents that Sekisho reads as they are. */
export const own: Product = {
  translate: foreigns =>
    foreigns.flatMap(from =>
      // What the reader finds wrong is found at its place; the root it reads is an object.
      readDocument(from.root) ? [{ draft: from.root.value as Draft, from }] : [],
    ),
}
