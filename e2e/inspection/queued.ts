import { type Inspector, QueueLoop } from '@sekisho/dataplane'
import { type NftExpression, openPacketQueue, openTransactions } from '@sekisho/linux'

/** Bit of the packet's mark, and of the connection's. */
const RELEASED = 0x0010_0000
const NUMBERS = { original: 40, reply: 41 } as const
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

export interface Queued extends Disposable {
  readonly loop: QueueLoop
  /** Messages of the queue so far. */
  readonly seen: number
}

/** A table that queues all forwarded packets until they are released, and the loop that decides them. */
export function openQueued(netns: string, inspector: Inspector): Queued {
  const stack = new DisposableStack()
  const transactions = stack.use(openTransactions({ netns }))
  const queue = (first: number): NftExpression => ({ kind: 'queue', first, count: 1, bypass: false })
  transactions.commit('inspection', [
    { kind: 'add-table' },
    { kind: 'add-chain', name: 'before', base: { hook: 'forward', priority: 0 } },
    { kind: 'add-chain', name: 'behind', base: { hook: 'forward', priority: 1 } },
    {
      kind: 'add-rule',
      chain: 'before',
      expressions: [...isReleased('ct', false), ...direction(0), queue(NUMBERS.original)],
    },
    {
      kind: 'add-rule',
      chain: 'before',
      expressions: [...isReleased('ct', false), ...direction(1), queue(NUMBERS.reply)],
    },
    {
      kind: 'add-rule',
      chain: 'behind',
      expressions: [...isReleased('meta', true), { kind: 'set-ct-mark', from: 0 }],
    },
  ])
  const queues = Object.values(NUMBERS).map(number => ({ number, length: 4_096, failOpen: false }))
  const packets = stack.use(openPacketQueue({ netns, queues }))
  const loop = new QueueLoop({ queue: packets, numbers: NUMBERS, inspector, releaseMark: RELEASED })
  let seen = 0
  // The test's own thread: it waits for nothing else, and the programs it watches are processes of their own.
  const timer = setInterval(() => {
    for (let count = loop.turn(); count > 0; count = loop.turn()) seen += count
  }, 1)
  stack.defer(() => clearInterval(timer))
  return {
    loop,
    get seen() {
      return seen
    },
    [Symbol.dispose]: () => stack.dispose(),
  }
}
