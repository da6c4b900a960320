import type { AgentView, Overview } from '@sekisho/control'
import { type Command, EXIT } from '../command.ts'
import { age } from '../output/format.ts'

interface Status {
  readonly overview: Overview
  readonly agents: readonly AgentView[]
}

function describe({ overview, agents }: Status): string {
  const { flows, protection } = overview
  const lines = [
    `Workloads    ${overview.workloads} in ${overview.namespaces} namespaces`,
    `Agents       ${overview.agents.connected} of ${overview.agents.total} connected`,
    `Protection   ${protection.enforced} enforced, ${protection.audited} audited, ${protection.unprotected} unprotected`,
    `Last hour    ${flows.allowed} allowed, ${flows.audited} audited, ${flows.denied} denied`,
    ...agents.map(agent => {
      const state = !agent.connected ? 'away' : agent.upToDate ? 'up to date' : 'behind'
      const seen = age(agent.lastSeen, Date.parse(overview.at))
      return `Node         ${agent.node}: ${state}, ${agent.rules} rules, seen ${seen} ago`
    }),
    ...agents.flatMap(agent => agent.degraded.map(reason => `Degraded     ${agent.node}: ${reason}`)),
    ...overview.attention.map(item =>
      `Attention    ${item.severity}: ${item.code} ${item.workload ?? ''}`.trimEnd(),
    ),
  ]
  return `${lines.join('\n')}\n`
}

export const status: Command = {
  usage: 'sekisho status',
  run: async ({ output, client }) => {
    const api = await client()
    const overview = await api.get<Overview>('overview', { window: '1h' })
    const agents = await api.list<AgentView>('agents')
    await output.one({ overview, agents }, { human: describe, name: () => 'status' })
    return EXIT.ok
  },
}
