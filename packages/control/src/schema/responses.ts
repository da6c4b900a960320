import { z } from 'zod'
import { timestamp } from './common.ts'

/** A quarantine or block that is in force; it is lifted by deleting its policy. */
export const responseView = z.object({
  /** Id of the policy that does it. */
  policy: z.string(),
  /** Name of the ResponseRule. */
  rule: z.string(),
  action: z.enum(['quarantine', 'block']),
  /** Id of a workload, or an address outside. */
  target: z.string(),
  /** The other end of a block between two. */
  peer: z.string().optional(),
  since: timestamp,
  until: timestamp,
  /** What was found, in English. */
  why: z.string(),
})

export type ResponseView = z.infer<typeof responseView>
