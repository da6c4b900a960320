import { z } from 'zod'
import { eventView, flowView } from './records.ts'

/** One server-sent event: `event:` is `kind`, `data:` the rest, `id:` grows by one for ever (`Last-Event-ID`). */
export const streamMessage = z.discriminatedUnion('kind', [
  /** New flow records, coalesced to at most four messages a second. */
  z.object({ kind: z.literal('flows'), flows: z.array(flowView) }),
  z.object({ kind: z.literal('event'), event: eventView }),
  /** Something changed that must be fetched again; `what` names the resource (flows, events: too many came at once). */
  z.object({
    kind: z.literal('changed'),
    what: z.enum(['policies', 'workloads', 'agents', 'changes', 'flows', 'events']),
  }),
  /** Messages were lost (the server restarted or the client was away too long): fetch everything again. */
  z.object({ kind: z.literal('reset') }),
])
export type StreamMessage = z.infer<typeof streamMessage>
