import { SekishoError } from '@sekisho/core'

/** What this server may do now, of several that could. Asked at each use: it can end between two. */
export interface Duty {
  /** Why it answers neither agents nor people, if it does not. */
  readonly standby: string | undefined
  /** Why it cannot say yet what is in force, if it cannot: half of it would open what the other half closes. */
  readonly unread: string | undefined
  /** Absent where there is nobody else to lead. */
  readonly leads: boolean | undefined
}

/** Of a server that runs for no cluster. */
export const ALONE: Duty = { standby: undefined, unread: undefined, leads: undefined }

/** @throws SekishoError unavailable with the reason, if there is one. */
export function refuse(reason: string | undefined): void {
  if (reason !== undefined) throw new SekishoError('unavailable', reason)
}
