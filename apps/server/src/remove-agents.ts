import { type JsonRecord, pause, type Timers, VERSION } from '@sekisho/core'
import {
  DAEMON_SETS,
  inClusterAccess,
  type KubeClient,
  KubeObjects,
  openKubeClient,
  pathOf,
} from '@sekisho/kube'

/** How often it is looked whether nodes are done. */
const LOOK_MS = 2_000

/** There are no rules left to go on under. Whatever somebody has changed of it: the API server takes no surge beside it. */
const ALL_AT_ONCE = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } }

/** Of a DaemonSet what tells how far it is: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/daemon-set-v1/ */
interface Progress {
  readonly metadata: { readonly generation: number }
  readonly status: {
    readonly observedGeneration?: number
    readonly desiredNumberScheduled: number
    readonly updatedNumberScheduled?: number
    readonly numberAvailable?: number
  }
}

export interface AgentRemoval {
  readonly client: KubeClient
  readonly namespace: string
  /** Of a pod that undoes what the agent did to its node, and rests then: as `agent.remove` of the chart makes it. */
  readonly pod: JsonRecord
  readonly timers: Timers
  say(line: string): void
}

/**
 * What agents did to their nodes outlives them: rules, and the plugin that lets new pods wait for an agent. So each node undoes it
 * before its agent goes. Resolves when all have. A node that does not answer is waited for: who asked decides how long.
 */
export async function removeAgents({ client, namespace, pod, timers, say }: AgentRemoval): Promise<void> {
  const place = { namespace, name: 'sekisho-agent' }
  const daemonSets = new KubeObjects(client, DAEMON_SETS)
  if (!(await daemonSets.find(place))) return say('there are no agents')
  await client.call({
    method: 'PATCH',
    path: pathOf(DAEMON_SETS, place),
    contentType: 'application/merge-patch+json',
    body: { spec: { updateStrategy: ALL_AT_ONCE, template: { spec: pod } } },
  })
  let said = ''
  for (;;) {
    const { done, line } = progressOf((await daemonSets.get(place)).json as unknown as Progress) // as the API server has it
    if (line !== said) say(line)
    if (done) return
    said = line
    await pause(timers, LOOK_MS, new AbortController().signal)
  }
}

/** As `kubectl rollout status` tells it. */
function progressOf({ metadata, status }: Progress): { readonly done: boolean; readonly line: string } {
  const { observedGeneration = 0, desiredNumberScheduled: all } = status
  if (observedGeneration < metadata.generation) return { done: false, line: 'every node removes its rules' }
  const some = Math.min(status.updatedNumberScheduled ?? 0, status.numberAvailable ?? 0)
  return { done: some >= all, line: `${Math.min(some, all)} of ${all} nodes have removed their rules` }
}

/** In a pod of the cluster. @throws where it is none. */
export async function removeOwnAgents(pod: JsonRecord, timers: Timers): Promise<void> {
  const access = inClusterAccess(process.env)
  if (!access.ok) throw new Error(access.error)
  using client = openKubeClient({ access: access.value, userAgent: `sekisho-server/${VERSION}`, timers })
  const { namespace } = access.value
  await removeAgents({ client, namespace, pod, timers, say: line => process.stdout.write(`${line}\n`) })
}
