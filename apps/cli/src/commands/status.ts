import { basename } from 'node:path'
import type { AgentView, Overview } from '@sekisho/control'
import { text } from '../arguments.ts'
import { type Command, EXIT } from '../command.ts'
import { age } from '../output/format.ts'

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
    ...agents.map(agent => {
      const state = !agent.connected ? 'away' : agent.upToDate ? 'up to date' : 'behind'
      const seen = age(agent.lastSeen, Date.parse(overview.at))
      return `Node         ${agent.node}: ${state}, ${agent.rules} rules, seen ${seen} ago`
    }),
    ...agents.flatMap(agent => agent.degraded.map(reason => `Degraded     ${agent.node}: ${reason}`)),
    ...overview.attention.map(({ severity, code, details }) => {
      const end = details.stopped
        ? `, stopped: ${details.denied} attempts denied, nothing passes any more`
        : ''
      return `Attention    ${severity}: ${ATTENTION[code](details)}${end}`
    }),
  ]
  return `${lines.join('\n')}\n`
}

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
