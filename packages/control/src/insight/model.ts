import { LIMITS, SekishoError } from '@sekisho/core'
import type { Model } from '@sekisho/policy'
import type { ModelView } from '../schema/model.ts'

/** The whole model, for an engine that is not here. @throws SekishoError too-large */
export function modelView({ workloads, namespaces, policies, index }: Model): ModelView {
  if (Math.max(workloads.size, policies.size) > LIMITS.modelItems.value) throw new SekishoError('too-large')
  return {
    namespaces: [...namespaces.values()].map(({ name, labels }) => ({ name, labels: { ...labels } })),
    // Which veth is whose is the node's business.
    workloads: [...workloads.values()].map(({ interface: _link, ...workload }) => ({
      ...workload,
      labels: { ...workload.labels },
      addresses: [...workload.addresses],
      ports: [...workload.ports],
    })),
    nodes: [...index.nodes()].map(({ name, addresses }) => ({ name, addresses: [...addresses] })),
    policies: [...policies.values()].map(({ source }) => JSON.stringify(source)),
  }
}
