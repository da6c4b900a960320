import {
  type Dataplane,
  type Inspection,
  type InspectionOptions,
  type InspectionRules,
  openDataplane,
  openInspection,
} from '@sekisho/dataplane'
import { openConntrack, openNftables } from '@sekisho/linux'
import {
  createTableCompiler,
  definitionsIn,
  type Model,
  type ModelChange,
  residual,
  type TableCompiler,
} from '@sekisho/policy'
import { NODE, systemClock } from '../dataplane/node.ts'

type Told = Pick<InspectionOptions, 'onTold' | 'onRequests' | 'onLost' | 'onFailed'> &
  Partial<Pick<InspectionOptions, 'terms' | 'onAnswer' | 'domainLists'>>

/** A node whose kernel queues what its policies ask about, and whose threads decide it. */
export interface InspectedNode extends AsyncDisposable {
  readonly dataplane: Dataplane
  /** The threads of now. */
  readonly inspection: Inspection
  /** From the model to the threads and to the kernel's commit. */
  change(change: ModelChange): Promise<void>
  /** Nobody listens to the queues until they are opened again. */
  closeThreads(): Promise<void>
  openThreads(): Promise<void>
}

export interface InspectedNodeOptions extends Told {
  readonly rules?: Partial<InspectionRules>
  /** Default: one of its own. */
  readonly compiler?: TableCompiler
  /** Of the node itself. */
  readonly addresses?: readonly string[]
}

const RULES: InspectionRules = { queues: { first: 40, workers: 1 }, identify: 'all' }

const compilerOf = (model: Model, addresses: readonly string[]): TableCompiler =>
  createTableCompiler(model, { name: NODE, addresses })

/** Decides the packets of a node by the policies of a model. */
export async function inspectForwarded(
  netns: string,
  model: Model,
  { rules: changed, addresses = [], compiler = compilerOf(model, addresses), ...told }: InspectedNodeOptions,
): Promise<InspectedNode> {
  await using stack = new AsyncDisposableStack()
  const rules = { ...RULES, ...changed }
  const nft = stack.use(openNftables({ netns }))
  const connections = stack.use(
    openConntrack({ netns, groups: [], onEvent: () => undefined, onLost: () => undefined }),
  )
  const open = () =>
    openInspection({
      netns,
      queues: rules.queues,
      identify: rules.identify !== 'off',
      definitions: () => definitionsIn(model.policies.values()),
      terms({ client, server, protocol, port }) {
        const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
        const onFailure = model.decide(query).inspect?.onFailure ?? 'open'
        return { residual: residual(model, query), facts: {}, onFailure }
      },
      onAnswer: () => Promise.resolve(),
      ...told,
    })
  let inspection = await open()
  let isOpen = true
  const closeThreads = async () => {
    if (isOpen) await inspection[Symbol.asyncDispose]()
    isOpen = false
  }
  stack.defer(closeThreads)
  const dataplane = openDataplane({
    nft,
    clock: systemClock,
    connections,
    inspection: { ...rules, revise: () => inspection.revise() },
    onError: error => told.onFailed(error instanceof Error ? error : new Error(String(error))),
  })
  await dataplane.sync(compiler.table)
  const close = stack.move()
  return {
    dataplane,
    get inspection() {
      return inspection
    },
    change: change => dataplane.update(compiler.table, compiler.update(model.update(change))),
    closeThreads,
    async openThreads() {
      inspection = await open()
      isOpen = true
    },
    [Symbol.asyncDispose]: async () => close.disposeAsync(),
  }
}
