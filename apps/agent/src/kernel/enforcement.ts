import { fail, ok, type Result, type StateDelta, type StateSnapshot, type Timers } from '@sekisho/core'
import {
  type CountedRequests,
  type Dataplane,
  openDataplane,
  readDomainLists,
  TABLE_NAME,
  type Told,
  unusedGeneration,
} from '@sekisho/dataplane'
import { enableAccounting, openConntrack, openNftables } from '@sekisho/linux'
import type { FlowQuery, Judgement, Model, RuleTable } from '@sekisho/policy'
import { createModel, createTableCompiler } from '@sekisho/policy/enforcement'
import { CniStation } from '../cni/station.ts'
import { Gate, type GateOptions } from '../gate/gate.ts'
import { type LastState, openLastState } from '../last-state.ts'
import { type Log, reasonOf } from '../log.ts'
import { NriPlugin } from '../nri/plugin.ts'
import type { RunOptions } from '../options.ts'
import type { Notes } from '../report/notes.ts'
import { type Sources, startSources } from '../sources/inventory.ts'
import type { WorkloadSource } from '../sources/source.ts'
import { World } from '../world.ts'
import { INSPECTION_QUEUES, Inspecting, type InspectingOptions } from './inspecting.ts'
import { Lifeline } from './lifeline.ts'
import { Locating } from './locating.ts'
import { machineResolvers, Names, openBook, systemResolvers } from './names.ts'
import { nodeAddresses } from './observer.ts'
import { PlaceFinder } from './places.ts'
import { Programmer } from './programmer.ts'

export interface EnforcementOptions {
  readonly run: Pick<
    RunOptions,
    | 'server'
    | 'node'
    | 'netns'
    | 'identify'
    | 'inspection'
    | 'resolvers'
    | 'expiredNames'
    | 'domainLists'
    | 'cni'
    | 'nri'
  >
  /** Where the last state is kept. */
  readonly lastState: string
  /** Where it is kept where names led. */
  readonly names: string
  readonly sources: readonly WorkloadSource[]
  readonly timers: Timers
  readonly log: Log
  readonly notes: Notes
  /** What was judged must be judged again. */
  onModelChanged(): void
  /** The node's own workloads are others. */
  onInventory(): void
  /** Which of these addresses have connections that go on. */
  connectedTo(addresses: ReadonlySet<string>): Promise<ReadonlySet<string>>
  /** What inspection learned of conversations, and requests that it judged. */
  onTold(told: readonly Told[]): void
  onRequests(requests: readonly CountedRequests[]): void
}

/** What is known, and the kernel that follows it. Works without a server and without eyes. */
export interface Enforcement {
  readonly world: World
  readonly model: Model
  readonly table: RuleTable
  readonly dataplane: Dataplane
  readonly programmer: Programmer
  /** Undefined where nothing is inspected. */
  readonly inspecting: Inspecting | undefined
  readonly names: Pick<Names, 'ledger'>
  readonly sources: Sources
  /** Undefined where no runtime asks. */
  readonly gate: Pick<Gate, 'status'> | undefined
  /** Undefined where it asks otherwise. */
  readonly nri: Pick<NriPlugin, 'connected' | 'degraded'> | undefined
  /** Where the kernel tells the own workloads apart, and which of their interfaces have programs of eBPF. */
  readonly places: Pick<PlaceFinder, 'places' | 'programs'>
  /** The kernel had a table of ours when we came. */
  readonly adopted: boolean
  /** What the model says, with the names that led to the destination. */
  judge(query: FlowQuery): Judgement
  /** The server's word; on disk soon after. */
  receive(message: StateSnapshot | StateDelta): Result<void, string>
  /** The node's addresses may be others. */
  nodeChanged(): void
}

/** What a server that took over needs to hear of all machines: other agents have found it by then. */
const UNHEARD_MS = 60_000

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
  const nft = stack.use(openNftables({ netns }))
  const adopted = nft.tableExists(TABLE_NAME)
  enableAccounting(netns)
  const model = createModel()
  const book = openBook(options.names, timers, error => log.error('names of the last run', error))
  const resolvers = options.run.resolvers ?? systemResolvers()
  const compiler = createTableCompiler(model, { name: node, addresses: [] }, { names: book, resolvers })
  // Made after what calls them.
  let inspecting: Inspecting | undefined
  let names: Names | undefined
  const connections = stack.use(
    openConntrack({ netns, groups: [], onEvent: () => undefined, onLost: () => undefined }),
  )
  const dataplane = openDataplane({
    nft,
    clock: timers,
    connections,
    generation: await unusedGeneration(connections),
    ...(options.run.inspection && {
      inspection: {
        queues: INSPECTION_QUEUES,
        identify: options.run.identify,
        revise: async () => inspecting?.revise(),
      },
    }),
    onError: error => log.error('transaction refused', error),
  })
  // Before any rule can send packets there: a queue without a listener drops what policies want read.
  inspecting = stack.use(
    await openInspecting(options, {
      model,
      table: compiler.table,
      namesOf: ip => book.namesOf(ip),
      onIdentified: services => void dataplane.identified(services),
      onAnswer: answered => names?.answered(answered) ?? Promise.resolve(),
    }),
  )
  const programmer = stack.use(
    new Programmer({
      model,
      compiler,
      dataplane,
      timers,
      cutsExpired: options.run.expiredNames === 'cut',
      onModelChanged() {
        // What a name means is no part of the table, so that no transaction tells of it.
        void inspecting?.redefine()
        options.onModelChanged()
      },
      onError(error) {
        log.error('the kernel refused the whole table', error)
        const reason = reasonOf(error).slice(0, 500)
        notes.event({ code: 'program-failed', severity: 'critical', details: { reason } })
      },
    }),
  )
  names = stack.use(
    new Names({
      path: options.names,
      book,
      timers,
      asksFor: name => compiler.asksFor(name),
      program: moves => programmer.learn(moves),
      renamed: async addresses => inspecting?.renamed(addresses),
      ...(options.run.expiredNames === 'keep' && { inUse: addresses => options.connectedTo(addresses) }),
      onError: error => log.error('names', error),
    }),
  )
  const places = stack.use(new PlaceFinder(netns))
  const world = new World(node, own => places.find(own))
  const nodeChanged = () => {
    const addresses = nodeAddresses(netns)
    programmer.change({ nodes: { set: [{ name: node, addresses }] }, ...world.address(addresses) })
  }
  nodeChanged()
  stack.use(
    new Lifeline({
      server: options.run.server,
      resolvers: options.run.resolvers ?? machineResolvers(),
      timers,
      onChange: needs => programmer.change(world.need(needs)),
      onError: error => log.error('where the server is', error),
    }),
  )
  const lastState = stack.use(keepLastState(options, world))
  let letting: Disposable | undefined
  stack.defer(() => letting?.[Symbol.dispose]())
  const apply = (message: StateSnapshot | StateDelta): Result<void, string> => {
    const change = world.receive(message)
    if (!change.ok) return fail(change.error)
    programmer.change(change.value, world.position ?? { revision: message.revision })
    if (message.kind === 'snapshot' && world.holds) {
      letting?.[Symbol.dispose]()
      letting = timers.after(UNHEARD_MS, () => programmer.change(world.letGo()))
    }
    programmer.release()
    return ok(undefined)
  }
  const last = lastState.load()
  const restored = last && apply(last)
  if (restored?.ok === false) log.warn('the last state was refused', { reason: restored.error })
  const sources = stack.use(followSources(options, world, programmer))
  const { cni, nri } = options.run
  const asked = cni ?? nri
  const gate = asked && openGate(asked, options, { world, programmer })
  const station = gate && cni && stack.use(new CniStation({ directory: cni.directory, gate, log }))
  const plugin =
    gate && nri && stack.use(new NriPlugin({ nri, gate, addressesIn: nodeAddresses, timers, log }))
  const locating = stack.use(
    new Locating({
      netns,
      finder: places,
      world,
      nft,
      timers,
      onMoved: change => programmer.change(change),
      onError: error => log.error('where workloads are', error),
    }),
  )
  if (world.revision !== undefined || !adopted) programmer.release()
  await programmer.settle()
  station?.start()
  plugin?.start()
  return {
    world,
    model,
    table: compiler.table,
    dataplane,
    programmer,
    inspecting,
    names,
    sources,
    gate,
    nri: plugin,
    places,
    adopted,
    nodeChanged,
    judge(query) {
      const led = { names: book.namesOf(query.destination.ip ?? '') }
      return model.judge({ ...query, facts: { ...led, ...query.facts } })
    },
    receive(message) {
      const applied = apply(message)
      locating.followPorts()
      if (applied.ok) lastState.save()
      gate?.stateChanged()
      return applied
    },
  }
}

async function openInspecting(
  options: EnforcementOptions,
  knowledge: Pick<InspectingOptions, 'model' | 'table' | 'namesOf' | 'onIdentified' | 'onAnswer'>,
): Promise<Inspecting | undefined> {
  const { run, timers, log, notes, onTold, onRequests } = options
  if (!run.inspection) return undefined
  if (run.domainLists !== undefined) tellLists(run.domainLists, log)
  return Inspecting.open({
    netns: run.netns,
    queues: INSPECTION_QUEUES,
    identify: run.identify !== 'off',
    domainLists: run.domainLists,
    ...knowledge,
    timers,
    log,
    notes,
    onTold: told => onTold(told),
    onRequests: requests => onRequests(requests),
  })
}

const openGate = (
  options: GateOptions,
  { timers, log }: EnforcementOptions,
  { world, programmer }: { readonly world: World; readonly programmer: Programmer },
): Gate =>
  new Gate(options, {
    timers,
    log,
    onAttached: attached => programmer.change(world.attach(attached)),
    isKnown: pod => world.knows(pod),
    async programmed() {
      await programmer.learn([])
      return programmer.enforcing
    },
  })

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

/** What of the lists cannot be read; the threads read them for themselves. @throws SystemError where the folder cannot be. */
function tellLists(folder: string, log: Log): void {
  for (const [list, { entries, refused, problems }] of readDomainLists(folder).readings) {
    const [first] = problems
    log.info('a list of domains was read', { list, names: entries })
    if (first) log.warn('lines of a list are left out', { list, lines: refused, ...first })
  }
}
