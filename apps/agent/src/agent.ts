import { type AgentStatus, type EpochMs, LIMITS, pause, type Timers, VERSION } from '@sekisho/core'
import type { Dataplane, FlowLog } from '@sekisho/dataplane'
import { CniChain, type Link } from './cni/chain.ts'
import { findDegraded } from './degraded.ts'
import { openEnforcement } from './kernel/enforcement.ts'
import type { Inspecting } from './kernel/inspecting.ts'
import { nodeAddresses, type Observer, openObserver } from './kernel/observer.ts'
import type { Programmer } from './kernel/programmer.ts'
import { type Log, reasonOf } from './log.ts'
import type { RunOptions } from './options.ts'
import { openMetrics, openSocket } from './report/endpoint.ts'
import type { LocalStatus } from './report/exposition.ts'
import { Notes } from './report/notes.ts'
import { Reporter, WINDOW_MS } from './report/reporter.ts'
import { openSpool } from './report/spool.ts'
import { Connection } from './server/connection.ts'
import { containerSource } from './sources/containers.ts'
import { fileSource } from './sources/file.ts'
import type { WorkloadSource } from './sources/source.ts'
import { systemdSource } from './sources/systemd.ts'
import { lockAgent, makeStateDirectory, stateDirectory } from './state-directory.ts'
import type { World } from './world.ts'

export interface AgentEnvironment {
  readonly timers: Timers
  readonly log: Log
  /** Stops the agent; the kernel's rules stay. */
  readonly signal: AbortSignal
}

/** Reports of inspection that wait for the eyes to open: some seconds of several threads. */
const EARLY_MOST = 200

/**
 * The whole agent, made in order and taken down in reverse. Returns when stopped.
 * @throws when it cannot start, cannot go on, or the server will never let it in.
 */
export async function runAgent(
  options: RunOptions,
  { timers, log, signal }: AgentEnvironment,
): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const { node, netns } = options
  const startedAt = timers.now()
  const notes = new Notes(timers)
  const failure = Promise.withResolvers<never>()
  // Made last, called by what is made before them.
  let observer: Observer | undefined
  let reporter: Reporter | undefined
  /** A service is read once in an hour: what is learned before the eyes are open is not learned again soon. */
  const early: ((flows: FlowLog) => void)[] = []
  const record = (learned: (flows: FlowLog) => void) => {
    if (observer) learned(observer.flows)
    else if (early.length < EARLY_MOST) early.push(learned)
    else notes.count('inspection-notices-lost')
  }

  // 1. A directory and a namespace of its own: nobody else may write either.
  const directory = stateDirectory(options.state)
  makeStateDirectory(directory)
  stack.use(lockAgent(directory, netns))
  const chain = (link: Link) =>
    stack.use(
      new CniChain({ link, timers, onError: error => log.error('the configuration of the network', error) }),
    )
  // Before anything that may fail: with the plugin, and nobody to answer it, no new pod starts.
  const left = options.unchained === undefined ? undefined : chain({ kind: 'out', config: options.unchained })

  // 2. The kernel: last state and own workloads are in it before anyone else is asked.
  const enforcement = await openEnforcement(
    {
      run: options,
      lastState: directory.lastState,
      names: directory.names,
      // Until the eyes are open all are taken for connected.
      connectedTo: addresses => observer?.connectedTo(addresses) ?? Promise.resolve(addresses),
      sources: chooseSources(options, timers),
      timers,
      log,
      notes,
      onModelChanged: () => observer?.flows.modelChanged(),
      onInventory: () => reporter?.inventoryChanged(),
      onTold: told => record(flows => flows.inspected(told)),
      onRequests: requests => record(flows => flows.requested(requests)),
    },
    stack,
  )
  const { world, model, table, dataplane, programmer, inspecting, names, sources, places } = enforcement

  // From here on new pods wait for their rules.
  const joined = options.cni && chain({ kind: 'in', cni: options.cni })

  // 3. Eyes: what passes and what is stopped, beginning with the connections that are already there.
  const seen = stack.use(
    await openObserver({
      netns,
      node,
      model,
      table,
      dataplane,
      timers,
      judge: query => enforcement.judge(query),
      onNodeChanged: () => enforcement.nodeChanged(),
      onError: error => log.error('reading the kernel', error),
      onFailed: failure.reject,
    }),
  )
  observer = seen
  for (const learned of early.splice(0)) learned(seen.flows)

  // 4. Records: batches into the spool, the spool to the server.
  const spool = openSpool({
    directory: directory.spool,
    mostBytes: LIMITS.spoolBytes.value,
    onDropped(batch) {
      notes.count('spool-overflowed', batch.records)
      reporter?.inventoryChanged()
    },
  })
  const status = describe({
    options,
    startedAt,
    world,
    programmer,
    dataplane,
    inspecting,
    degraded: () => [
      ...sources.degraded,
      ...findDegraded(netns, places),
      ...[left, joined, enforcement.nri].flatMap(each => each?.degraded ?? []),
    ],
  })
  const connection = new Connection({
    run: options,
    directory,
    spool,
    timers,
    position: () => world.position,
    apply(message) {
      const applied = enforcement.receive(message)
      if (applied.ok && message.kind === 'snapshot' && world.serverLags()) reporter?.inventoryChanged()
      return applied
    },
    onConnected: () => log.info('connected', { server: options.server.href }),
    onTrouble: (what, error) => log.warn(`${what}: trouble with the server`, { reason: reasonOf(error) }),
    onEvent: event => notes.event(event),
    onBatchRefused(batch, error) {
      log.error('the server refused a batch for good', error, { sequence: batch.sequence })
      notes.count('batch-refused', batch.records)
    },
  })
  reporter = new Reporter({
    node,
    timers,
    spool,
    notes,
    takeFlows() {
      const { flows, ledger } = seen.flows.take()
      return { flows, ledger: { ...ledger, ...inspecting?.ledger, ...names.ledger } }
    },
    inventory: () => world.local,
    status,
    programs: () => dataplane.stats.programs,
    onSpooled: () => connection.notify(),
  })

  // 5. What it says about itself on this machine.
  const local = (): LocalStatus => ({
    ...status(reporter.ledger),
    spool: { batches: spool.length, bytes: spool.bytes },
    ...(enforcement.gate && { cni: enforcement.gate.status }),
    ...(enforcement.nri && { nri: { connected: enforcement.nri.connected } }),
    server: {
      url: options.server.href,
      connected: connection.connected,
      ...(connection.trouble !== undefined && { trouble: connection.trouble }),
    },
  })
  stack.use(await openSocket(directory.socket, local))
  if (options.metrics) stack.use(await openMetrics(options.metrics, local))

  // 6. The server, and the beat of the reports, until told to stop.
  log.info('running', {
    node,
    netns,
    adopted: enforcement.adopted,
    revision: world.revision,
    workloads: world.own.size,
  })
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  try {
    await Promise.race([
      failure.promise,
      Promise.all([connection.run(both), reportEachWindow(reporter, timers, both)]),
    ])
  } finally {
    stop.abort()
    await reporter.report()
  }
}

/** The sources that the options ask for; without any the node's own workloads are what the server says. */
function chooseSources(options: RunOptions, timers: Timers): WorkloadSource[] {
  const { node, netns, workloads: path } = options
  return [
    ...(path === undefined ? [] : [fileSource({ path, node })]),
    ...(options.containers ? [containerSource({ node, netns, timers })] : []),
    ...(options.systemd ? [systemdSource({ node, timers })] : []),
  ]
}

async function reportEachWindow(reporter: Reporter, timers: Timers, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(timers, WINDOW_MS, signal)
    await reporter.report()
  }
}

interface Described {
  readonly options: RunOptions
  readonly startedAt: EpochMs
  readonly world: World
  readonly programmer: Programmer
  readonly dataplane: Pick<Dataplane, 'stats'>
  readonly inspecting: Pick<Inspecting, 'status'> | undefined
  degraded(): readonly string[]
}

const DEGRADED_MOST = 64
/** More the server does not take. */
const REASON_MOST = 1_024

function describe(
  parts: Described,
): (ledger: AgentStatus['ledger']) => AgentStatus & Pick<LocalStatus, 'enforcing'> {
  const { options, startedAt, world, programmer, dataplane, inspecting, degraded } = parts
  return ledger => {
    const { rules, elements, programs, programErrors } = dataplane.stats
    return {
      node: options.node,
      version: VERSION,
      startedAt,
      addresses: nodeAddresses(options.netns).slice(0, LIMITS.addressesPerWorkload.value),
      revision: 0,
      ...programmer.position,
      enforcing: programmer.enforcing,
      inCluster: options.join?.kind === 'service-account',
      workloads: world.own.size,
      rules,
      setElements: elements,
      programs,
      programErrors,
      programMs: programmer.durations,
      ledger,
      ...(inspecting && { inspection: inspecting.status }),
      degraded: degraded()
        .slice(0, DEGRADED_MOST)
        .map(reason => reason.slice(0, REASON_MOST)),
    }
  }
}
