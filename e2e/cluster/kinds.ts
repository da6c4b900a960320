import { CUSTOM_RESOURCE_DEFINITIONS, type KubeClient, KubeObjects } from '@sekisho/kube'
import { CLUSTER_NETWORK_POLICY } from '../kube/real-cluster.ts'
import { REPORT_DEFINITIONS } from '../kube/report-kinds.ts'

/** Kinds of others that a cluster has where somebody installed them. */
export async function defineKinds(client: KubeClient): Promise<void> {
  const definitions = new KubeObjects(client, CUSTOM_RESOURCE_DEFINITIONS)
  for (const definition of [CLUSTER_NETWORK_POLICY, ...REPORT_DEFINITIONS])
    await definitions.create({}, definition)
}
