import { basename } from 'node:path'
import type { AgentView, Overview } from '@sekisho/control'
import { text } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'
import { age } from '../output/format.ts'
import { stateOf } from './agents.ts'

interface Status {
  readonly overview: Overview
  readonly agents: readonly AgentView[]
}

type Attention = Overview['attention'][number]

/** What the console says in two languages, in one line each. */
const ATTENTION: Record<Attention['code'], (details: Attention['details']) => string> = {
  'port-scan': d => `${d.source} scans: ${d.ports} ports at ${d.addresses} addresses`,
  'metadata-probe': d => `${d.source} asks ${d.address} for cloud credentials (${d.connections} connections)`,
  'mining-pool': d => `${d.source} looks for a mining pool`,
  'unexpected-application': d => `${d.source} speaks ${d.application} with ${d.destination}:${d.port}`,
  'denied-attempts': d =>
    `${d.connections} attempts of ${d.source} to reach ${d.destination}:${d.port}/${d.protocol} denied`,
  'audited-traffic': d =>
    `${d.connections} connections would be denied if the policies in Audit were enforced`,
  'unprotected-namespace': d => `no policy protects the namespace ${d.namespace} (${d.workloads} workloads)`,
  'change-pending': d =>
    `change ${d.change} takes itself back at ${d.revertsAt}: "sekisho changes keep ${d.change}" makes it stay`,
  'agent-away': d => `the agent on ${d.node} is away since ${d.lastSeen}`,
  'agent-behind': d => `the agent on ${d.node} lacks ${d.policies} policies`,
  'records-begin': d =>
    `${d.server} leads since ${d.since}; records from before are where the server before it kept them`,
  'records-dropped': d => `the agent on ${d.node} could not keep ${d.records} records (${d.reasons})`,
  'nothing-seen': () => 'no traffic has been seen yet',
}

function describe({ overview, agents }: Status): string {
  const { flows, protection } = overview
  const lines = [
    `Workloads    ${overview.workloads} in ${overview.namespaces} namespaces`,
    `Agents       ${overview.agents.connected} of ${overview.agents.total} connected`,
    `Protection   ${protection.enforced} enforced, ${protection.audited} audited, ${protection.unprotected} unprotected`,
    `Last hour    ${flows.allowed} allowed, ${flows.audited} audited, ${flows.denied} denied`,
    ...nodes(agents, Date.parse(overview.at)),
    ...overview.attention.map(({ severity, code, details }) => {
      const end = details.stopped
        ? `, stopped: ${details.denied} attempts denied, nothing passes any more`
        : ''
      return `Attention    ${severity}: ${ATTENTION[code](details)}${end}`
    }),
  ]
  return `${lines.join('\n')}\n`
}

/** Of a large cluster those that one has to look after come first, and the rest is a number. */
const NODES_SHOWN = 20

function nodes(agents: readonly AgentView[], now: number): readonly string[] {
  const byNeed = agents.toSorted((a, b) => Number(isWell(a)) - Number(isWell(b)))
  const shown = agents.length > NODES_SHOWN ? byNeed.slice(0, NODES_SHOWN) : agents
  const left = byNeed.slice(shown.length)
  const troubled = left.filter(agent => !isWell(agent)).length
  return [
    ...shown.map(agent => {
      const seen = age(agent.lastSeen, now)
      return `Node         ${agent.node}: ${stateOf(agent)}, ${agent.rules} rules, seen ${seen} ago`
    }),
    ...(left.length > 0
      ? [`Nodes        ${left.length} more, ${troubled} of them not as they should be: sekisho agents`]
      : []),
    ...shown.flatMap(agent => agent.degraded.map(reason => `Degraded     ${agent.node}: ${reason}`)),
  ]
}

const isWell = (agent: AgentView): boolean => stateOf(agent) === 'up to date'

/** As a plugin of kubectl it is about the cluster that kubectl reaches, unless a server is named. */
const isPlugin = (): boolean => basename(process.env.SEKISHO_PROGRAM ?? '').startsWith('kubectl-')

export const status: Command = {
  usage: `sekisho status
  sekisho status --cluster [--context NAME] [--namespace NAME]   an installation in Kubernetes; kubectl sekisho status`,
  options: { cluster: { type: 'boolean' }, context: { type: 'string' } },
  run: async invocation => {
    const { values, output, client } = invocation
    if (values.cluster || (isPlugin() && text(values, 'server') === undefined)) {
      const { clusterStatus } = await import('./cluster-status.ts')
      return clusterStatus(invocation)
    }
    const api = await client()
    const overview = await api.get<Overview>('overview', { window: '1h' })
    const agents = await api.list<AgentView>('agents')
    await output.one({ overview, agents }, { human: describe, name: () => 'status' })
    return EXIT.ok
  },
}
