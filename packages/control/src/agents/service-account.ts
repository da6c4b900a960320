import { SekishoError } from '@sekisho/core'
import { type KubeClient, KubeError, reviewToken } from '@sekisho/kube'

/** Who a service account's token must be for; the agent's pod asks its kubelet for one (`audience`). */
export const AGENT_AUDIENCE = 'sekisho-server'
const ACCOUNT = 'sekisho-agent'

/**
 * Vouches for a node: the cluster says that the token belongs to an agent's pod, and on which node that pod is.
 * @returns the node's name, as the cluster knows it.
 * @throws SekishoError unauthenticated, forbidden; unavailable where the cluster does not answer.
 */
export type Voucher = (serviceAccountToken: string) => Promise<string>

/** @param namespace the server's own, where the agents' service account is too. */
export function createVoucher(client: KubeClient, namespace: string): Voucher {
  const expected = `system:serviceaccount:${namespace}:${ACCOUNT}`
  return async token => {
    const owner = await reviewToken(client, { token, audience: AGENT_AUDIENCE }).catch(unavailable)
    if (!owner)
      throw new SekishoError('unauthenticated', `The cluster knows no such token for ${AGENT_AUDIENCE}.`)
    if (owner.user !== expected)
      throw new SekishoError('forbidden', `Agents join as ${expected}, not as ${owner.user}.`)
    // Whoever may make tokens of the account without a pod could otherwise speak for any node.
    if (owner.node === undefined)
      throw new SekishoError('forbidden', 'The token names no node; that takes a pod, and Kubernetes 1.30.')
    return owner.node
  }
}

/** Not the agent's fault, and over at some time: it tries again. */
function unavailable(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  const refused = error instanceof KubeError && error.status === 403
  throw new SekishoError(
    'unavailable',
    refused
      ? `The server may not review tokens in this cluster: ${reason}`
      : `The cluster cannot be asked: ${reason}`,
  )
}
