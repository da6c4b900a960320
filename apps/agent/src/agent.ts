import type { StateDelta, StateSnapshot } from '@sekisho/core'
import { type AgentStatus, type EpochMs, fail, LIMITS, ok, type Result, VERSION } from '@sekisho/core'
import { type Dataplane, openDataplane, TABLE_NAME } from '@sekisho/dataplane'
import { enableAccounting, openNftables } from '@sekisho/linux'
import { createModel, createTableCompiler } from '@sekisho/policy'
import { findDegraded } from './degraded.ts'
import { nodeAddresses, type Observer, openObserver } from './kernel/observer.ts'
import { Programmer } from './kernel/programmer.ts'
import { openLastState } from './last-state.ts'
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
import { startSources } from './sources/inventory.ts'
import type { WorkloadSource } from './sources/source.ts'
import { systemdSource } from './sources/systemd.ts'
import { lockAgent, makeStateDirectory, stateDirectory } from './state-directory.ts'
import { pause, type Timers } from './timers.ts'
import { World } from './world.ts'

export interface AgentEnvironment {
  readonly timers: Timers
  readonly log: Log
  /** Stops the agent; the kernel's rules stay. */
  readonly signal: AbortSignal
}

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

  // 1. A directory and a namespace of its own: nobody else may write either.
  const directory = stateDirectory(options.state)
  makeStateDirectory(directory)
  stack.use(lockAgent(directory, netns))

  // 2. The way into the kernel, and the model from which its table is compiled.
  const nft = stack.use(await openNftables({ netns }))
  const adopted = nft.tableExists(TABLE_NAME)
  enableAccounting(netns)
  const model = createModel()
  const compiler = createTableCompiler(model, { name: node, addresses: [] })
  const onKernelError = (error: unknown) => {
    log.error('the kernel refused a transaction', error)
    notes.event({
      code: 'program-failed',
      severity: 'critical',
      details: { reason: reasonOf(error).slice(0, 500) },
    })
  }
  const dataplane = openDataplane({
    nft,
    clock: timers,
    onError: error => log.error('transaction refused', error),
  })
  const programmer = stack.use(
    new Programmer({
      model,
      compiler,
      dataplane,
      timers,
      onError: onKernelError,
      onModelChanged: () => observer?.flows.modelChanged(),
    }),
  )
  const tellNode = () =>
    programmer.change({ nodes: { set: [{ name: node, addresses: nodeAddresses(netns) }] } })
  tellNode()

  // 3. What was known last, and the node's own workloads: into the kernel before anyone else is asked.
  const world = new World(node)
  const lastState = stack.use(
    openLastState({
      path: directory.lastState,
      timers,
      current: () => world.snapshot(),
      onError: error => log.error('the last state', error),
    }),
  )
  const receive = (message: StateSnapshot | StateDelta): Result<void, string> => {
    const change = world.receive(message)
    if (!change.ok) return fail(change.error)
    programmer.change(change.value, message.revision)
    programmer.release()
    return ok(undefined)
  }
  const last = lastState.load()
  if (last) {
    const restored = receive(last)
    if (!restored.ok) log.warn('the last state was refused', { reason: restored.error })
  }
  const sources = stack.use(
    startSources({
      sources: chooseSources(options, timers),
      onEvent: event => notes.event(event),
      onInventory(inventory) {
        programmer.change(world.report(inventory))
        reporter?.inventoryChanged()
      },
    }),
  )
  // Rules of an earlier run that nothing is known about any more stay until the server has spoken.
  if (world.revision !== undefined || !adopted) programmer.release()
  await programmer.settle()

  // 4. Eyes: what passes and what is stopped, beginning with the connections that are already there.
  const seen = stack.use(
    await openObserver({
      netns,
      node,
      model,
      table: compiler.table,
      dataplane,
      timers,
      onNodeChanged: tellNode,
      onError: error => log.error('reading the kernel', error),
      onFailed: failure.reject,
    }),
  )

  observer = seen

  // 5. Records: batches into the spool, the spool to the server.
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
    degraded: () => sources.degraded,
  })
  const connection = new Connection({
    run: options,
    directory,
    spool,
    timers,
    revision: () => world.revision,
    apply(message) {
      const applied = receive(message)
      if (applied.ok) lastState.save()
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
    takeFlows: () => seen.flows.take(),
    inventory: () => world.local,
    status,
    onSpooled: () => connection.notify(),
  })

  // 6. What it says about itself on this machine.
  const local = (): LocalStatus => ({
    ...status(reporter.ledger),
    enforcing: programmer.enforcing,
    spool: { batches: spool.length, bytes: spool.bytes },
    server: {
      url: options.server.href,
      connected: connection.connected,
      ...(connection.trouble !== undefined && { trouble: connection.trouble }),
    },
  })
  stack.use(await openSocket(directory.socket, local))
  if (options.metrics) stack.use(await openMetrics(options.metrics, local))

  // 7. The server, and the beat of the reports, until told to stop.
  log.info('running', {
    node,
    netns,
    adopted,
    revision: world.revision,
    workloads: world.local.workloads.length,
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
  degraded(): readonly string[]
}

const DEGRADED_MOST = 64

function describe(parts: Described): (ledger: AgentStatus['ledger']) => AgentStatus {
  const { options, startedAt, world, programmer, dataplane, degraded } = parts
  return ledger => {
    const { rules, elements, programs, programErrors } = dataplane.stats
    const { local } = world
    return {
      node: options.node,
      version: VERSION,
      startedAt,
      revision: programmer.revision ?? 0,
      workloads: local.workloads.length,
      rules,
      setElements: elements,
      programs,
      programErrors,
      programMs: programmer.durations,
      ledger,
      degraded: [...degraded(), ...findDegraded(options.netns, local)].slice(0, DEGRADED_MOST),
    }
  }
}
