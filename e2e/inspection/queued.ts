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
  Partial<Pick<InspectionOptions, 'terms' | 'onAnswer'>>

/** A node whose kernel queues what its policies ask about, and whose threads decide it. */
export interface InspectedNode extends AsyncDisposable {
  readonly dataplane: Dataplane
  readonly inspection: Inspection
  /** From the model to the kernel's commit and to the threads. */
  change(change: ModelChange): Promise<void>
}

export interface InspectedNodeOptions extends Told {
  readonly rules?: Partial<InspectionRules>
  /** Default: one of its own. */
  readonly compiler?: TableCompiler
  /** Of the node itself. */
  readonly addresses?: readonly string[]
}

const compilerOf = (model: Model, addresses: readonly string[]): TableCompiler =>
  createTableCompiler(model, { name: NODE, addresses })

/** Decides the packets of a node by the policies of a model. */
export async function inspectForwarded(
  netns: string,
  model: Model,
  { rules, addresses = [], compiler = compilerOf(model, addresses), ...told }: InspectedNodeOptions,
): Promise<InspectedNode> {
  await using stack = new AsyncDisposableStack()
  const inspectionRules: InspectionRules = { queues: { first: 40, workers: 1 }, identify: 'all', ...rules }
  const nft = stack.use(await openNftables({ netns }))
  const connections = stack.use(
    openConntrack({ netns, groups: [], onEvent: () => undefined, onLost: () => undefined }),
  )
  const inspection = stack.use(
    await openInspection({
      netns,
      queues: inspectionRules.queues,
      identify: inspectionRules.identify !== 'off',
      definitions: () => definitionsIn(model.policies.values()),
      terms({ client, server, protocol, port }) {
        const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
        const onFailure = model.decide(query).inspect?.onFailure ?? 'open'
        return { residual: residual(model, query), facts: {}, onFailure }
      },
      onAnswer: () => Promise.resolve(),
      ...told,
    }),
  )
  const dataplane = openDataplane({
    nft,
    clock: systemClock,
    connections,
    inspection: { ...inspectionRules, revise: () => inspection.revise() },
    onError: error => told.onFailed(error instanceof Error ? error : new Error(String(error))),
  })
  await dataplane.sync(compiler.table)
  const close = stack.move()
  return {
    dataplane,
    inspection,
    change: change => dataplane.update(compiler.table, compiler.update(model.update(change))),
    [Symbol.asyncDispose]: () => close.disposeAsync(),
  }
}
