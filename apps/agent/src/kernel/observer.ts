import { hasNoAgent, type NodeName, type RuleId, type Timers, type WorkloadId } from '@sekisho/core'
import {
  createFlowLog,
  type Dataplane,
  type DeniedCounts,
  type FlowLog,
  LOG_GROUP,
  pauseAfter,
  readMark,
} from '@sekisho/dataplane'
import { addresses, links, openConntrack, openNflog, watchLinks } from '@sekisho/linux'
import type { FlowQuery, Judgement, Model, RuleTable } from '@sekisho/policy'
import { Runner } from '../runner.ts'

export interface ObserverOptions {
  readonly netns: string | undefined
  readonly node: NodeName
  readonly model: Model
  /** What the kernel is given; read for which rules deny. */
  readonly table: RuleTable
  readonly dataplane: Pick<Dataplane, 'ruleOf' | 'counters'>
  readonly timers: Timers
  judge(query: FlowQuery): Judgement
  /** Links or addresses of the node changed. */
  onNodeChanged(): void
  /** Something could not be read this time; it is tried again. */
  onError(error: unknown): void
  /** Nothing more will be seen: the agent must start anew. */
  onFailed(error: Error): void
}

/** Sees the node's traffic: connections that live, those that end, and logged packets. */
export interface Observer extends AsyncDisposable {
  readonly flows: FlowLog
  /** Which of these addresses have connections that were not denied. */
  connectedTo(addresses: ReadonlySet<string>): Promise<ReadonlySet<string>>
  /** Interface names of the node and their indexes, as of now. */
  readonly interfaces: ReadonlyMap<string, number>
}

export async function openObserver(options: ObserverOptions): Promise<Observer> {
  const { netns, node, model, dataplane, timers, onFailed } = options
  await using stack = new AsyncDisposableStack()
  const interfaces = new Map<string, number>()
  const readLinks = () => {
    interfaces.clear()
    for (const { name, index } of links({ netns })) interfaces.set(name, index)
  }
  stack.use(
    watchLinks({
      netns,
      onChange() {
        readLinks()
        options.onNodeChanged()
      },
      onFailed,
    }),
  )
  readLinks()
  // Events first: a connection that ends while the table is read is in one or in both, never in neither.
  const conntrack = stack.use(
    openConntrack({
      netns,
      groups: ['destroy'],
      onEvent: event => flows.ended(event),
      onLost: count => flows.lost('connection-events', count),
      onFailed,
    }),
  )
  const flows: FlowLog = createFlowLog({
    clock: timers,
    workloadAt: ip => model.workloadAt(ip)?.id,
    isLocal: id => model.workloads.get(id)?.node === node,
    hasNoAgent(id) {
      const workload = model.workloads.get(id)
      return workload !== undefined && hasNoAgent(workload)
    },
    judge: query => options.judge(query),
    ownerOf: index => ownerOf(model, node, interfaces, index),
    ruleOf: (role, key) => dataplane.ruleOf(role, key),
    visit: visit => conntrack.visit(visit),
  })
  stack.use(
    openNflog({
      netns,
      group: LOG_GROUP,
      onPackets: packets => flows.packets(packets),
      onLost: count => flows.lost('logged-packets', count),
      onFailed,
    }),
  )
  stack.use(await repeating(options, async () => pauseAfter(await flows.refresh())))
  stack.use(
    await repeating(options, async () => {
      flows.counted(await countDenials(options))
      return COUNTERS_MS
    }),
  )
  const resources = stack.move()
  return {
    flows,
    interfaces,
    async connectedTo(addresses) {
      const found = new Set<string>()
      await conntrack.visit(({ reply, mark }) => {
        if (addresses.has(reply.source) && readMark(mark)?.verdict !== 'denied') found.add(reply.source)
      })
      return found
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

function ownerOf(
  model: Model,
  node: NodeName,
  interfaces: ReadonlyMap<string, number>,
  index: number,
): WorkloadId | undefined {
  for (const workload of model.workloads.values()) {
    if (workload.node !== node || workload.interface === undefined) continue
    if (interfaces.get(workload.interface) === index) return workload.id
  }
  return undefined
}

/** Packets that rules denied, as the kernel counts them: all of them, where the log is rate-limited. */
async function countDenials({ dataplane, table }: ObserverOptions): Promise<DeniedCounts> {
  const { enforce, audit, spoofed } = await dataplane.counters()
  const denying = new Set<RuleId>()
  for (const { stages } of table.chains.values()) {
    for (const rule of stages.flat()) if (rule.action === 'deny') denying.add(rule.id)
  }
  const sum = (counters: ReadonlyMap<RuleId, { readonly packets: number }>) =>
    [...denying].reduce((total, id) => total + (counters.get(id)?.packets ?? 0), 0)
  return { denied: sum(enforce) + spoofed.packets, audited: sum(audit) }
}

/** How often the counters of rules are read. */
const COUNTERS_MS = 5_000

/** Reads what is only there for the asking, at once and then again and again. @param read returns the pause, in ms. */
async function repeating(
  { timers, onError }: ObserverOptions,
  read: () => Promise<number>,
): Promise<AsyncDisposable> {
  let next: Disposable | undefined
  const runner = new Runner({
    timers,
    intervalMs: 0,
    onError,
    async run() {
      const pause = await read()
      next = timers.after(pause, () => runner.trigger())
    },
  })
  runner.trigger()
  await runner.idle()
  return {
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]()
      next?.[Symbol.dispose]()
    },
  }
}

/**
 * The node's own addresses. Loopback is nobody's, and link-local IPv6 addresses say nothing about who is behind
 * them: every link has its own.
 */
export const nodeAddresses = (netns: string | undefined): string[] => [
  ...new Set(
    addresses({ netns })
      .filter(({ ip, scope }) => scope !== 'host' && !ip.startsWith('fe80:') && !ip.startsWith('127.'))
      .map(({ ip }) => ip),
  ),
]
