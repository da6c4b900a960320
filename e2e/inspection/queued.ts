import {
  firstQueue,
  type Inspection,
  type InspectionOptions,
  openInspection,
  PACKET_MARK,
} from '@sekisho/dataplane'
import { type NftExpression, openTransactions } from '@sekisho/linux'
import { definitionsIn, type Model, residual } from '@sekisho/policy'

const QUEUES = { first: 40, workers: 1 } as const
const TCP = 6
/** FIN, SYN, RST, ACK, URG. */
const FLAGS = 0x37
const SYN = 0x02
const ACK = 0x10
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

/** The connection's mark has the same bits as the packet's. */
const ALL_MARKS = Object.values(PACKET_MARK).reduce((all, bit) => all | bit, 0)
const isMarked = (key: 'meta' | 'ct', bits: number): readonly NftExpression[] => [
  key === 'ct' ? { kind: 'ct', key: 'mark', to: 0 } : { kind: 'meta', key: 'mark', to: 0 },
  { kind: 'bitwise', register: 0, mask: u32(bits), xor: u32(0) },
  { kind: 'compare', operator: '!=', from: 0, value: u32(0) },
]
const direction = (value: number): NftExpression[] => [
  { kind: 'ct', key: 'direction', to: 0 },
  { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(value) },
]
const NOT_TCP: readonly NftExpression[] = [
  { kind: 'meta', key: 'l4proto', to: 0 },
  { kind: 'compare', operator: '!=', from: 0, value: Uint8Array.of(TCP) },
]
const HAS_DATA: readonly NftExpression[] = [{ kind: 'payload', base: 'data', offset: 0, length: 1, to: 0 }]
const flagsAre = (flags: number): readonly NftExpression[] => [
  { kind: 'payload', base: 'transport', offset: 13, length: 1, to: 0 },
  { kind: 'bitwise', register: 0, mask: Uint8Array.of(FLAGS), xor: Uint8Array.of(0) },
  { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(flags) },
]

/** A table that queues all forwarded packets, or drops them, as far as the thread wants them: see `PACKET_MARK`. */
function queueForwarded(netns: string): void {
  using transactions = openTransactions({ netns })
  const queue = (first: number): NftExpression => ({ kind: 'queue', first, count: 1, bypass: false })
  const rule = (chain: string, ...expressions: readonly NftExpression[]) =>
    ({ kind: 'add-rule', chain, expressions }) as const
  const accept = { kind: 'verdict', verdict: { kind: 'accept' } } as const
  const inspect = { kind: 'verdict', verdict: { kind: 'goto', chain: 'inspect' } } as const
  const [original, reply] = [direction(0), direction(1)]
  transactions.commit('inspection', [
    { kind: 'add-table' },
    { kind: 'add-chain', name: 'inspect' },
    { kind: 'add-chain', name: 'before', base: { hook: 'forward', priority: 0 } },
    { kind: 'add-chain', name: 'behind', base: { hook: 'forward', priority: 1 } },
    rule('inspect', ...original, queue(firstQueue(QUEUES, 'closed', 'original'))),
    rule('inspect', ...reply, queue(firstQueue(QUEUES, 'closed', 'reply'))),
    rule('before', ...isMarked('ct', PACKET_MARK.released), accept),
    rule('before', ...isMarked('ct', PACKET_MARK.everything), inspect),
    rule('before', ...isMarked('ct', PACKET_MARK.requestsOnly), ...reply, accept),
    rule('before', ...NOT_TCP, inspect),
    rule('before', ...HAS_DATA, inspect),
    rule('before', ...flagsAre(ACK), accept),
    rule('before', ...flagsAre(SYN), ...original, accept),
    rule('before', inspect),
    rule(
      'behind',
      ...isMarked('meta', ALL_MARKS),
      { kind: 'meta', key: 'mark', to: 0 },
      {
        kind: 'set-ct-mark',
        from: 0,
      },
    ),
  ])
}

type Told = Pick<InspectionOptions, 'onTold' | 'onRequests' | 'onLost' | 'onFailed'> &
  Partial<Pick<InspectionOptions, 'terms' | 'onAnswer'>>

/** Decides all forwarded packets of a node by the policies of a model; closed where it fails. */
export function inspectForwarded(netns: string, model: Model, told: Told): Promise<Inspection> {
  queueForwarded(netns)
  return openInspection({
    netns,
    queues: QUEUES,
    identify: true,
    definitions: () => definitionsIn(model.policies.values()),
    terms({ client, server, protocol, port }) {
      const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
      return { residual: residual(model, query), facts: {}, onFailure: 'closed' }
    },
    onAnswer: () => Promise.resolve(),
    ...told,
  })
}
