import type { Application } from '@sekisho/core'
import type { Notes } from '../fields.ts'

/** An application that speaks HTTP, told by what only it says; evidence is a short phrase that names what decided. */
export interface HttpApplication {
  readonly application: Application
  /** Paths that nothing else is known to have; matched from their beginning. */
  readonly paths?: RegExp
  /** What a request's headers say. */
  asks?(notes: Notes): string | undefined
  /** What an answer's headers say. */
  answers?(notes: Notes): string | undefined
}
