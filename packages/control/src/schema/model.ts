import { z } from 'zod'

const labels = z.record(z.string(), z.string())

/** All that verdicts follow from, so that a client can ask the engine itself what a policy would do before it is applied. */
export const modelView = z.object({
  namespaces: z.array(z.object({ name: z.string(), labels })),
  workloads: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['pod', 'container', 'service', 'host', 'external']),
      namespace: z.string(),
      name: z.string(),
      owner: z.object({ kind: z.string(), name: z.string() }),
      labels,
      serviceAccount: z.string().optional(),
      node: z.string(),
      addresses: z.array(z.string()),
      hostNetwork: z.boolean(),
      ports: z.array(z.object({ name: z.string(), protocol: z.string(), port: z.number().int() })),
      state: z.enum(['running', 'terminating', 'finished']),
      protection: z.literal('off').optional(),
    }),
  ),
  /** Nodes and their own addresses: what comes from them to their workloads always passes. */
  nodes: z.array(z.object({ name: z.string(), addresses: z.array(z.string()) })),
  /** Documents in force, as they were written, each as JSON. */
  policies: z.array(z.string()),
})
export type ModelView = z.infer<typeof modelView>
