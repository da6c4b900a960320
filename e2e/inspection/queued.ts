import {
  firstQueue,
  type Inspection,
  type InspectionOptions,
  openInspection,
  PACKET_MARK,
} from '@sekisho/dataplane'
import { type NftExpression, openTransactions } from '@sekisho/linux'
import { type Model, residual } from '@sekisho/policy'

/** Bit of the packet's mark, and of the connection's. */
const RELEASED = PACKET_MARK.released
const QUEUES = { first: 40, workers: 1 } as const
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

const isReleased = (key: 'meta' | 'ct', yes: boolean): readonly NftExpression[] => [
  key === 'ct' ? { kind: 'ct', key: 'mark', to: 0 } : { kind: 'meta', key: 'mark', to: 0 },
  { kind: 'bitwise', register: 0, mask: u32(RELEASED), xor: u32(0) },
  { kind: 'compare', operator: yes ? '==' : '!=', from: 0, value: u32(RELEASED) },
]
const direction = (value: number): NftExpression[] => [
  { kind: 'ct', key: 'direction', to: 0 },
  { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(value) },
]

/** A table that queues all forwarded packets until their connection is released, or drops them. */
function queueForwarded(netns: string): void {
  using transactions = openTransactions({ netns })
  const queue = (first: number): NftExpression => ({ kind: 'queue', first, count: 1, bypass: false })
  const rule = (chain: string, ...expressions: readonly NftExpression[]) =>
    ({ kind: 'add-rule', chain, expressions }) as const
  transactions.commit('inspection', [
    { kind: 'add-table' },
    { kind: 'add-chain', name: 'before', base: { hook: 'forward', priority: 0 } },
    { kind: 'add-chain', name: 'behind', base: { hook: 'forward', priority: 1 } },
    rule(
      'before',
      ...isReleased('ct', false),
      ...direction(0),
      queue(firstQueue(QUEUES, 'closed', 'original')),
    ),
    rule('before', ...isReleased('ct', false), ...direction(1), queue(firstQueue(QUEUES, 'closed', 'reply'))),
    rule('behind', ...isReleased('meta', true), { kind: 'set-ct-mark', from: 0 }),
  ])
}

type Told = Pick<InspectionOptions, 'onTold' | 'onRequests' | 'onLost' | 'onFailed'>

/** Decides all forwarded packets of a node by the policies of a model; closed where it fails. */
export function inspectForwarded(netns: string, model: Model, told: Told): Promise<Inspection> {
  queueForwarded(netns)
  return openInspection({
    netns,
    queues: QUEUES,
    identify: true,
    terms({ client, server, protocol, port }) {
      const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
      return { residual: residual(model, query), facts: {}, onFailure: 'closed' }
    },
    onAnswer: () => Promise.resolve(),
    ...told,
  })
}
