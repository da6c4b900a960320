import { fail, ok, type Result, type StateDelta, type StateSnapshot } from '@sekisho/core'
import { type Dataplane, openDataplane, TABLE_NAME } from '@sekisho/dataplane'
import { enableAccounting, openNftables } from '@sekisho/linux'
import { createModel, createTableCompiler, type Model, type RuleTable } from '@sekisho/policy'
import { type LastState, openLastState } from '../last-state.ts'
import { type Log, reasonOf } from '../log.ts'
import type { RunOptions } from '../options.ts'
import type { Notes } from '../report/notes.ts'
import { type Sources, startSources } from '../sources/inventory.ts'
import type { WorkloadSource } from '../sources/source.ts'
import type { Timers } from '../timers.ts'
import { World } from '../world.ts'
import { nodeAddresses } from './observer.ts'
import { Programmer } from './programmer.ts'

export interface EnforcementOptions {
  readonly run: Pick<RunOptions, 'node' | 'netns'>
  /** Where the last state is kept. */
  readonly lastState: string
  readonly sources: readonly WorkloadSource[]
  readonly timers: Timers
  readonly log: Log
  readonly notes: Notes
  /** What was judged must be judged again. */
  onModelChanged(): void
  /** The node's own workloads are others. */
  onInventory(): void
}

/** What is known, and the kernel that follows it. Works without a server and without eyes. */
export interface Enforcement {
  readonly world: World
  readonly model: Model
  readonly table: RuleTable
  readonly dataplane: Dataplane
  readonly programmer: Programmer
  readonly sources: Sources
  /** The kernel had a table of ours when we came. */
  readonly adopted: boolean
  /** The server's word; on disk soon after. */
  receive(message: StateSnapshot | StateDelta): Result<void, string>
  /** The node's addresses may be others. */
  nodeChanged(): void
}

/**
 * Opens the way into the kernel and brings what was known last and the node's own workloads into it, before anyone
 * else is asked. What it opens is given to `stack`. Rules of an earlier run of which nothing is known any more stay
 * until the server has spoken: an empty table would let everything through.
 */
export async function openEnforcement(
  options: EnforcementOptions,
  stack: AsyncDisposableStack,
): Promise<Enforcement> {
  const { timers, log, notes } = options
  const { node, netns } = options.run
  const nft = stack.use(await openNftables({ netns }))
  const adopted = nft.tableExists(TABLE_NAME)
  enableAccounting(netns)
  const model = createModel()
  const compiler = createTableCompiler(model, { name: node, addresses: [] })
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
      onModelChanged: () => options.onModelChanged(),
      onError(error) {
        log.error('the kernel refused the whole table', error)
        const reason = reasonOf(error).slice(0, 500)
        notes.event({ code: 'program-failed', severity: 'critical', details: { reason } })
      },
    }),
  )
  const nodeChanged = () =>
    programmer.change({ nodes: { set: [{ name: node, addresses: nodeAddresses(netns) }] } })
  nodeChanged()
  const world = new World(node)
  const lastState = stack.use(keepLastState(options, world))
  const apply = (message: StateSnapshot | StateDelta): Result<void, string> => {
    const change = world.receive(message)
    if (!change.ok) return fail(change.error)
    programmer.change(change.value, message.revision)
    programmer.release()
    return ok(undefined)
  }
  const last = lastState.load()
  const restored = last && apply(last)
  if (restored?.ok === false) log.warn('the last state was refused', { reason: restored.error })
  const sources = stack.use(followSources(options, world, programmer))
  if (world.revision !== undefined || !adopted) programmer.release()
  await programmer.settle()
  return {
    world,
    model,
    table: compiler.table,
    dataplane,
    programmer,
    sources,
    adopted,
    nodeChanged,
    receive(message) {
      const applied = apply(message)
      if (applied.ok) lastState.save()
      return applied
    },
  }
}

const keepLastState = ({ lastState: path, timers, log }: EnforcementOptions, world: World): LastState =>
  openLastState({
    path,
    timers,
    current: () => world.snapshot(),
    onError: error => log.error('the last state', error),
  })

const followSources = (options: EnforcementOptions, world: World, programmer: Programmer): Sources =>
  startSources({
    sources: options.sources,
    onEvent: event => options.notes.event(event),
    onInventory(inventory) {
      programmer.change(world.report(inventory))
      options.onInventory()
    },
  })
