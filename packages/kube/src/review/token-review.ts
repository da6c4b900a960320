import { listAt, textAt, valueAt } from '@sekisho/core'
import type { KubeClient } from '../client/client.ts'
import { KubeMalformed } from '../client/errors.ts'

/** Whose a service account's token is, as the API server says. */
export interface TokenOwner {
  /** `system:serviceaccount:NAMESPACE:NAME` of service accounts. */
  readonly user: string
  /** The node of the pod that the token was made for; absent before Kubernetes 1.30 and for tokens of no pod. */
  readonly node?: string
}

const NODE_CLAIM = 'authentication.kubernetes.io/node-name'

/**
 * Asks the API server whose a token is.
 * https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
 * @param audience whom the token must have been made for: one that leaked elsewhere is worth nothing here.
 * @returns undefined for a token that is unknown, over, of a pod that is gone, or for somebody else.
 * @throws as `KubeClient.call` does.
 */
export async function reviewToken(
  client: KubeClient,
  { token, audience }: { readonly token: string; readonly audience: string },
): Promise<TokenOwner | undefined> {
  const review = await client.call({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/tokenreviews',
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    },
  })
  if (valueAt(review, 'status') === undefined)
    throw new KubeMalformed('the API server answered something that is no review of a token')
  if (valueAt(review, 'status', 'authenticated') !== true) return undefined
  // An authenticator that knows nothing of audiences names none; then nothing says that the token is for us.
  if (!listAt(review, 'status', 'audiences').includes(audience)) return undefined
  const user = textAt(review, 'status', 'user', 'username')
  if (user === undefined) throw new KubeMalformed('the API server reviewed a token and named no user')
  const [node] = listAt(review, 'status', 'user', 'extra', NODE_CLAIM)
  return { user, ...(typeof node === 'string' && { node }) }
}
