import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { ClusterAccount, WebhookPlace } from '@sekisho/control'
import { VERSION } from '@sekisho/core'
import { inClusterAccess, kubeconfigAccess, openKubeClient } from '@sekisho/kube'
import type { ServerOptions } from './options.ts'
import type { World } from './server.ts'

/** @throws where the cluster's address or credentials cannot be read. A cluster that does not answer is waited for. */
export function openClusterAccount(
  {
    kubeconfig,
    context,
    webhook,
    webhookUrl,
    guardExempt,
    podConditions,
    networkPolicies,
    firewall,
    elected,
  }: NonNullable<ServerOptions['kubernetes']>,
  { clock, timer }: World,
): ClusterAccount & Disposable {
  const access =
    kubeconfig === undefined ? inClusterAccess(process.env) : kubeconfigAccess(kubeconfig, context)
  if (!access.ok) throw new Error(access.error)
  const timers = { now: () => clock.now(), monotonic: () => clock.monotonic(), after: timer.after }
  const client = openKubeClient({ access: access.value, userAgent: `sekisho-server/${VERSION}`, timers })
  const { namespace } = access.value
  const place: WebhookPlace = webhookUrl
    ? { kind: 'url', url: webhookUrl }
    : { kind: 'service', namespace, name: 'sekisho-server', port: 443 }
  return {
    client,
    timers,
    ...(webhook && { webhook: place }),
    namespace,
    // Its own recovery asks nobody.
    ...(guardExempt && { guarding: { exempt: [...new Set([namespace, ...guardExempt])] } }),
    podConditions,
    networkPolicies,
    firewall,
    elected,
    ...(kubeconfig === undefined && { pod: hostname() }),
    // Two processes of one host, or one before and after a restart, must not take each other for themselves.
    identity: `${hostname()}_${randomUUID()}`,
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}
