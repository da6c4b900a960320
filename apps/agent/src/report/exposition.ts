import type { AgentStatus } from '@sekisho/core'

/** What the agent says about itself on its socket. */
export interface LocalStatus extends AgentStatus {
  readonly enforcing: boolean
  readonly server: { readonly url: string; readonly connected: boolean; readonly trouble?: string }
  readonly spool: { readonly batches: number; readonly bytes: number }
  /** Of pods that waited for their rules, where the runtime asks; milliseconds from its request to the answer. */
  readonly cni?: {
    readonly added: number
    readonly refused: number
    readonly passed: number
    readonly addMs: { readonly p50: number; readonly p99: number }
  }
  /** Where the runtime asks its own plugins. */
  readonly nri?: { readonly connected: boolean }
}

interface Metric {
  readonly name: string
  readonly kind: 'gauge' | 'counter'
  readonly help: string
  readonly samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[]
}

const single = (value: number): Metric['samples'] => [[{}, value]]
const quantiles = ({ p50, p99 }: LocalStatus['programMs']): Metric['samples'] => [
  [{ quantile: '0.5' }, p50 / 1_000],
  [{ quantile: '0.99' }, p99 / 1_000],
]

const metrics = (status: LocalStatus): readonly Metric[] => [
  {
    name: 'sekisho_agent_enforcing',
    kind: 'gauge',
    help: 'Whether the table in the kernel is the one of this agent.',
    samples: single(Number(status.enforcing)),
  },
  {
    name: 'sekisho_agent_server_connected',
    kind: 'gauge',
    help: 'Whether the state stream is open.',
    samples: single(Number(status.server.connected)),
  },
  {
    name: 'sekisho_agent_state_revision',
    kind: 'gauge',
    help: 'Revision of the server state in the kernel.',
    samples: single(status.revision),
  },
  {
    name: 'sekisho_agent_workloads',
    kind: 'gauge',
    help: 'Workloads of this node.',
    samples: single(status.workloads),
  },
  { name: 'sekisho_agent_rules', kind: 'gauge', help: 'Rules in the kernel.', samples: single(status.rules) },
  {
    name: 'sekisho_agent_set_elements',
    kind: 'gauge',
    help: 'Elements of sets and maps in the kernel.',
    samples: single(status.setElements),
  },
  {
    name: 'sekisho_agent_programs_total',
    kind: 'counter',
    help: 'Transactions that the kernel committed.',
    samples: single(status.programs),
  },
  {
    name: 'sekisho_agent_program_errors_total',
    kind: 'counter',
    help: 'Transactions that the kernel refused.',
    samples: single(status.programErrors),
  },
  {
    name: 'sekisho_agent_program_seconds',
    kind: 'gauge',
    help: 'Time from the arrival of a change to the commit in the kernel, of the last 1,024.',
    samples: quantiles(status.programMs),
  },
  {
    name: 'sekisho_agent_unseen_total',
    kind: 'counter',
    help: 'What was not seen or not kept, by reason.',
    samples: Object.entries(status.ledger).map(([reason, count]) => [{ reason }, count]),
  },
  ...inspection(status),
  ...networks(status),
  ...runtime(status),
  {
    name: 'sekisho_agent_spool_bytes',
    kind: 'gauge',
    help: 'Bytes of batches not yet acknowledged.',
    samples: single(status.spool.bytes),
  },
  {
    name: 'sekisho_agent_degraded',
    kind: 'gauge',
    help: 'Things this node cannot do.',
    samples: single(status.degraded.length),
  },
]

const inspection = ({ inspection: now }: LocalStatus): readonly Metric[] =>
  now === undefined
    ? []
    : [
        {
          name: 'sekisho_agent_inspection_listening',
          kind: 'gauge',
          help: 'Whether the threads that read conversations listen.',
          samples: single(Number(now.isListening)),
        },
        {
          name: 'sekisho_agent_inspection_restarts_total',
          kind: 'counter',
          help: 'Times that they were started again because one had died.',
          samples: single(now.restarts),
        },
        {
          name: 'sekisho_agent_inspected_conversations',
          kind: 'gauge',
          help: 'Conversations that are followed now.',
          samples: single(now.flows),
        },
        {
          name: 'sekisho_agent_inspection_packets_total',
          kind: 'counter',
          help: 'Packets that the kernel queued to be read.',
          samples: single(now.queued),
        },
      ]

const runtime = ({ nri }: LocalStatus): readonly Metric[] =>
  nri === undefined
    ? []
    : [
        {
          name: 'sekisho_agent_nri_connected',
          kind: 'gauge',
          help: 'Whether the container runtime asks about new pods; while it does not they start before their rules.',
          samples: single(nri.connected ? 1 : 0),
        },
      ]

const networks = ({ cni }: LocalStatus): readonly Metric[] =>
  cni === undefined
    ? []
    : [
        {
          name: 'sekisho_agent_cni_pods_total',
          kind: 'counter',
          help: 'Pods whose network was asked for: let in with their rules, refused for now, let in without.',
          samples: (['added', 'refused', 'passed'] as const).map(outcome => [{ outcome }, cni[outcome]]),
        },
        {
          name: 'sekisho_agent_cni_add_seconds',
          kind: 'gauge',
          help: 'Time from the request for a pod until its rules were in the kernel, of the last 1,024.',
          samples: quantiles(cni.addMs),
        },
      ]

const escaped = (text: string): string =>
  text.replace(/[\\"\n]/g, char => (char === '\n' ? '\\n' : `\\${char}`))

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** Prometheus text format 0.0.4. */
export const exposition = (status: LocalStatus): string =>
  metrics(status)
    .flatMap(({ name, kind, help, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${kind}`,
      ...samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`),
    ])
    .join('\n')
    .concat('\n')
