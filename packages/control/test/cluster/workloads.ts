import { type NodeName, type Workload, workloadId } from '@sekisho/core'

/** @param key `namespace/name` */
export function workload(
  key: string,
  addresses: readonly string[],
  { kind = 'pod', node = '', ...more }: Partial<Omit<Workload, 'node'>> & { readonly node?: string } = {},
): Workload {
  const [namespace = '', name = ''] = key.split('/')
  return {
    id: workloadId(kind, namespace, name),
    kind,
    namespace,
    name,
    owner: { kind, name },
    labels: {},
    node: node as NodeName,
    addresses,
    hostNetwork: false,
    ports: [],
    state: 'running',
    ...more,
  }
}
