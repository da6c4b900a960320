import {
  type AgentStatus,
  APPLICATIONS,
  type Flow,
  MODES,
  type Mode,
  OUTCOMES,
  type Outcome,
  VERSION,
} from '@sekisho/core'

/** What is counted while the process lives. Plain numbers: whoever counts adds, whoever scrapes reads. */
export interface Counters {
  /** Conversations by outcome. */
  readonly flows: Record<Outcome, number>
  /** Requests in conversations that policies asked to be read, by outcome. */
  readonly judged: Record<Outcome, number>
  /** Conversations by what is spoken: one of `APPLICATIONS`, `custom`, `unknown`; others were not read. */
  readonly spoken: Map<string, number>
  batches: number
  repeatedBatches: number
  /** Flows and workloads an agent reported that were not its own. */
  overreach: number
  /** Times that another server was found to lead while this one thought that it did. */
  overlaps: number
  requests: number
  failures: number
  readonly logins: Record<'ok' | 'refused', number>
  /** Pods by the seconds until they were told that they are enforced: how many within each of `ENFORCED_SECONDS`, and all. */
  readonly enforced: { readonly within: number[]; count: number; seconds: number }
}

/** Upper bounds. An agent that has nothing to do says every ten seconds what it has. */
const ENFORCED_SECONDS = [0.5, 1, 2.5, 5, 10, 15, 30, 60, 300] as const

export const createCounters = (): Counters => ({
  flows: { allowed: 0, audited: 0, denied: 0 },
  judged: { allowed: 0, audited: 0, denied: 0 },
  spoken: new Map(),
  batches: 0,
  repeatedBatches: 0,
  overreach: 0,
  overlaps: 0,
  requests: 0,
  failures: 0,
  logins: { ok: 0, refused: 0 },
  enforced: { within: ENFORCED_SECONDS.map(() => 0), count: 0, seconds: 0 },
})

export function countEnforced({ enforced }: Counters, seconds: number): void {
  enforced.count++
  enforced.seconds += seconds
  for (const [i, bound] of ENFORCED_SECONDS.entries())
    if (seconds <= bound) enforced.within[i] = (enforced.within[i] ?? 0) + 1
}

const LABELS: ReadonlySet<string> = new Set([...APPLICATIONS, 'unknown'])

export function countFlow({ flows, judged, spoken }: Counters, flow: Flow): void {
  const { outcome, connections, application, requests = [] } = flow
  flows[outcome] += connections
  for (const { count } of requests) judged[outcome] += count
  if (application === undefined) return
  const label = LABELS.has(application) ? application : 'custom'
  spoken.set(label, (spoken.get(label) ?? 0) + connections)
}

/** What is measured when asked. */
export interface Gauges {
  readonly agentsConnected: number
  readonly streamClients: number
  readonly workloads: number
  readonly policies: Readonly<Record<Mode, number>>
  readonly stateRevision: number
  /** Absent where there is nobody else to lead. */
  readonly leads?: boolean | undefined
  readonly storeBytes: number
  /** None of a server that does not lead: no agent talks to it. */
  readonly nodes: readonly NodeGauges[]
}

/** What an agent says of itself, since few scrapers reach the loopback address of each node. */
export interface NodeGauges {
  readonly node: string
  readonly connected: boolean
  /** Absent until it said something. */
  readonly status: AgentStatus | undefined
}

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** What follows the name: labels, and before them the suffix of a part of a histogram. */
  readonly samples: readonly (readonly [labels: string, value: number])[]
}

const one = (value: number): Family['samples'] => [['', value]]
const by = <K extends string>(label: string, keys: readonly K[], values: Readonly<Record<K, number>>) =>
  keys.map(key => [`{${label}="${key}"}`, values[key]] as const)

const escaped = (text: string): string =>
  text.replace(/[\\"\n]/g, each => (each === '\n' ? '\\n' : `\\${each}`))

/** What `value` finds in the statuses of the nodes; nothing of those of which it finds nothing. */
const ofNodes = (nodes: readonly NodeGauges[], value: (status: AgentStatus) => number | undefined) =>
  nodes.flatMap(({ node, status }) => {
    const found = status && value(status)
    return found === undefined ? [] : [[`{node="${escaped(node)}"}`, found] as const]
  })

const nodeFamilies = (nodes: readonly NodeGauges[]): readonly Family[] => [
  {
    name: 'sekisho_node_connected',
    type: 'gauge',
    help: 'Whether the state stream of the node’s agent is open.',
    samples: nodes.map(({ node, connected }) => [`{node="${escaped(node)}"}`, Number(connected)]),
  },
  {
    name: 'sekisho_node_enforcing',
    type: 'gauge',
    help: 'Whether the node’s kernel has its agent’s rules, as the agent said last.',
    samples: ofNodes(nodes, ({ enforcing }) => (enforcing === undefined ? undefined : Number(enforcing))),
  },
  {
    name: 'sekisho_node_rules',
    type: 'gauge',
    help: 'Rules in the node’s kernel.',
    samples: ofNodes(nodes, ({ rules }) => rules),
  },
  {
    name: 'sekisho_node_program_errors_total',
    type: 'counter',
    help: 'Transactions that the node’s kernel refused.',
    samples: ofNodes(nodes, ({ programErrors }) => programErrors),
  },
  {
    name: 'sekisho_node_program_seconds',
    type: 'gauge',
    help: 'Time from the arrival of a change to the commit in the node’s kernel: 99 of 100 take no longer.',
    samples: ofNodes(nodes, ({ programMs }) => programMs.p99 / 1_000),
  },
  {
    name: 'sekisho_node_inspection_listening',
    type: 'gauge',
    help: 'Whether the threads that read the node’s conversations listen.',
    samples: ofNodes(nodes, ({ inspection }) => inspection && Number(inspection.isListening)),
  },
  {
    name: 'sekisho_node_inspection_packets_total',
    type: 'counter',
    help: 'Packets that the node’s kernel queued to be read.',
    samples: ofNodes(nodes, ({ inspection }) => inspection?.queued),
  },
  {
    name: 'sekisho_node_degraded',
    type: 'gauge',
    help: 'Things that the node’s agent cannot do.',
    samples: ofNodes(nodes, ({ degraded }) => degraded.length),
  },
  {
    name: 'sekisho_node_unseen_total',
    type: 'counter',
    help: 'What was not seen or not kept on the node, by reason.',
    samples: nodes.flatMap(({ node, status }) =>
      Object.entries(status?.ledger ?? {}).map(
        ([reason, count]) => [`{node="${escaped(node)}",reason="${escaped(reason)}"}`, count] as const,
      ),
    ),
  },
]

/** No label names a workload or an address: their number is not ours to bound. */
const families = (count: Counters, now: Gauges): readonly Family[] => [
  {
    name: 'sekisho_build_info',
    type: 'gauge',
    help: 'Always 1; the label says which version runs.',
    samples: [[`{version="${VERSION}"}`, 1]],
  },
  {
    name: 'sekisho_flows_total',
    type: 'counter',
    help: 'Conversations recorded, by outcome.',
    samples: by('outcome', OUTCOMES, count.flows),
  },
  {
    name: 'sekisho_requests_total',
    type: 'counter',
    help: 'Requests judged by what they ask, by outcome.',
    samples: by('outcome', OUTCOMES, count.judged),
  },
  {
    name: 'sekisho_flows_spoken_total',
    type: 'counter',
    help: 'Conversations recorded with what is spoken, by application; those that a user defined are one.',
    samples: [...count.spoken]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [`{application="${name}"}`, value]),
  },
  {
    name: 'sekisho_ingest_batches_total',
    type: 'counter',
    help: 'Batches stored.',
    samples: one(count.batches),
  },
  {
    name: 'sekisho_ingest_batches_repeated_total',
    type: 'counter',
    help: 'Batches that were sent again and not counted twice.',
    samples: one(count.repeatedBatches),
  },
  {
    name: 'sekisho_ingest_overreach_total',
    type: 'counter',
    help: 'Flows and workloads refused because they were not the reporting node’s own.',
    samples: one(count.overreach),
  },
  {
    name: 'sekisho_agents_connected',
    type: 'gauge',
    help: 'Agents whose state stream is open.',
    samples: one(now.agentsConnected),
  },
  { name: 'sekisho_workloads', type: 'gauge', help: 'Workloads known now.', samples: one(now.workloads) },
  {
    name: 'sekisho_policies',
    type: 'gauge',
    help: 'Policies by mode.',
    samples: by('mode', MODES, now.policies),
  },
  {
    name: 'sekisho_state_revision',
    type: 'gauge',
    help: 'Revision of what agents are told.',
    samples: one(now.stateRevision),
  },
  ...(now.leads === undefined
    ? []
    : ([
        {
          name: 'sekisho_server_leads',
          type: 'gauge',
          help: 'Whether this server holds the lease of its cluster.',
          samples: one(Number(now.leads)),
        },
        {
          name: 'sekisho_server_overlaps_total',
          type: 'counter',
          help: 'Times that another server was found to lead while this one thought that it did.',
          samples: one(count.overlaps),
        },
      ] as const)),
  { name: 'sekisho_store_bytes', type: 'gauge', help: 'Size of the database.', samples: one(now.storeBytes) },
  {
    name: 'sekisho_http_requests_total',
    type: 'counter',
    help: 'Requests to the API and the console.',
    samples: one(count.requests),
  },
  {
    name: 'sekisho_http_failures_total',
    type: 'counter',
    help: 'Requests that failed inside the server.',
    samples: one(count.failures),
  },
  {
    name: 'sekisho_logins_total',
    type: 'counter',
    help: 'Logins by link or password, by result.',
    samples: by('result', ['ok', 'refused'], count.logins),
  },
  {
    name: 'sekisho_pod_enforced_seconds',
    type: 'histogram',
    help: 'Time from a new pod’s address until its node said that its rules are in the kernel; with conditions of pods only.',
    samples: [
      ...ENFORCED_SECONDS.map((le, i) => [`_bucket{le="${le}"}`, count.enforced.within[i] ?? 0] as const),
      ['_bucket{le="+Inf"}', count.enforced.count],
      ['_sum', count.enforced.seconds],
      ['_count', count.enforced.count],
    ],
  },
  {
    name: 'sekisho_stream_clients',
    type: 'gauge',
    help: 'Live streams that are open.',
    samples: one(now.streamClients),
  },
  ...nodeFamilies(now.nodes),
]

/** Prometheus text exposition format 0.0.4. */
export function renderMetrics(count: Counters, now: Gauges): string {
  const lines = families(count, now).flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labels} ${value}`),
  ])
  return `${lines.join('\n')}\n`
}
