import type { AgentView } from '@sekisho/control'
import { required, UsageError } from '../arguments.ts'
import { type Command, EXIT, type Invocation } from '../command.ts'
import { age } from '../output/format.ts'

export const agentName = ({ node }: Pick<AgentView, 'node'>): string => `agent/${node}`

/** One word for what one wants to know first. */
export function stateOf({ connected, upToDate, degraded }: AgentView): string {
  if (!connected) return 'away'
  if (!upToDate) return 'behind'
  return degraded.length > 0 ? 'degraded' : 'up to date'
}

async function list({ output, client }: Invocation): Promise<number> {
  const items = await (await client()).list<AgentView>('agents')
  if (items.length === 0) output.progress('No agent has joined yet.')
  const now = Date.now()
  await output.list(items, {
    columns: [
      { title: 'NODE', value: ({ node }) => node },
      { title: 'STATE', value: stateOf },
      { title: 'VERSION', value: ({ version }) => version },
      { title: 'WORKLOADS', value: ({ workloads }) => String(workloads) },
      { title: 'RULES', value: ({ rules }) => String(rules) },
      { title: 'P99', value: ({ programMs }) => `${Math.round(programMs.p99)} ms`, wide: true },
      { title: 'SEEN', value: ({ lastSeen }) => age(lastSeen, now) },
      { title: 'CANNOT', value: ({ degraded }) => degraded.join('; ') || '-', wide: true },
    ],
    name: agentName,
  })
  return EXIT.ok
}

async function remove({ positionals, output, client }: Invocation): Promise<number> {
  const node = required(positionals, 1, 'the node of the agent')
  await (await client()).delete(`agents/${encodeURIComponent(node)}`)
  await output.one({ node }, { human: () => `${agentName({ node })} removed\n`, name: agentName })
  return EXIT.ok
}

export const agents: Command = {
  usage: 'sekisho agents [list | remove NODE]   (who is removed must join again)',
  run: async invocation => {
    const verb = invocation.positionals[0] ?? 'list'
    if (verb === 'list') return list(invocation)
    if (verb === 'remove') return remove(invocation)
    throw new UsageError(`there is no "agents ${verb}"`)
  },
}
