import type { WorkloadView } from '@sekisho/control'
import { text } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'

const protection = (workload: WorkloadView): string =>
  workload.policies.length === 0
    ? '-'
    : workload.policies.map(policy => `${policy.id} (${policy.mode})`).join(', ')

export const workloads: Command = {
  usage: 'sekisho workloads [-n NAMESPACE]',
  run: async ({ values, output, client }) => {
    const namespace = text(values, 'namespace')
    const items = await (await client()).list<WorkloadView>('workloads')
    const shown = items.filter(workload => namespace === undefined || workload.namespace === namespace)
    await output.list(shown, {
      columns: [
        { title: 'NAMESPACE', value: workload => workload.namespace },
        { title: 'NAME', value: workload => workload.name },
        { title: 'OWNER', value: workload => `${workload.owner.kind}/${workload.owner.name}` },
        { title: 'ADDRESS', value: workload => workload.addresses[0] ?? '-' },
        { title: 'NODE', value: workload => workload.node, wide: true },
        { title: 'STATE', value: workload => workload.state },
        { title: 'POLICIES', value: protection },
      ],
      name: workload => `workload/${workload.namespace}/${workload.name}`,
    })
    return EXIT.ok
  },
}
