import { valueAt } from '@sekisho/core'
import type { KubeClient } from '../client/client.ts'
import { KubeMalformed } from '../client/errors.ts'

/** Somebody, as the API server knows them: `userInfo` of what it asks webhooks. */
export interface Requester {
  readonly user: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/** What somebody would do; names need not be of kinds that the API server has. */
export interface Deed {
  readonly verb: string
  readonly group: string
  readonly resource: string
  /** Absent for what is in none. */
  readonly namespace?: string
  readonly name: string
}

/**
 * Asks the API server whether somebody may do something, by whatever authorizes there (RBAC, a webhook).
 * https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
 * @throws as `KubeClient.call` does.
 */
export async function reviewAccess(
  client: KubeClient,
  who: Requester,
  deed: Deed,
  signal?: AbortSignal,
): Promise<boolean> {
  const review = await client.call({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { ...who, resourceAttributes: deed },
    },
    signal,
  })
  const allowed = valueAt(review, 'status', 'allowed')
  if (typeof allowed !== 'boolean')
    throw new KubeMalformed('the API server answered something that is no review of access')
  return allowed
}
