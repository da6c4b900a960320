import type { CtKey, MetaKey, NftExpression, NftVerdict, QueueTarget, Register } from './operation.ts'
import type { NetlinkWriter } from './writer.ts'

/** Numbers of include/uapi/linux/netfilter/nf_tables.h, by the name of the expression they belong to. */
const META: Record<MetaKey, number> = {
  priority: 2,
  mark: 3,
  iif: 4,
  iifname: 6,
  oifname: 7,
  nfproto: 15,
  l4proto: 16,
}
const CT: Record<CtKey, number> = {
  state: 0,
  direction: 1,
  status: 2,
  mark: 3,
  'protocol-source': 11,
  'protocol-destination': 12,
  source4: 19,
  source6: 21,
}
const DIRECTION = { original: 0, reply: 1 } as const
const COMPARE = { '==': 0, '!=': 1, '<=': 3, '>=': 5 } as const
/** `data`: behind the transport's header (NFT_PAYLOAD_INNER_HEADER). */
const BASE = { network: 1, transport: 2, data: 3 } as const
const VERDICT = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const
const COUNTER_OBJECT = 1
const LIST_ELEMENT = 1
const DATA = { value: 1, verdict: 2 } as const
const VERDICT_REGISTER = 0
const REGISTER_32 = 8
const INVERTED = 1
const REJECT_TCP_RESET = 1
const ADD_ELEMENT = 0

const register = (number: Register): number => REGISTER_32 + number

export function writeVerdict(to: NetlinkWriter, verdict: NftVerdict): void {
  to.nest(DATA.verdict, () => {
    to.u32(1, VERDICT[verdict.kind])
    if ('chain' in verdict) to.text(2, verdict.chain)
  })
}

export function writeValue(to: NetlinkWriter, type: number, value: Uint8Array): void {
  const at = to.open(type)
  to.data(DATA.value, value)
  to.close(at)
}

/** The kernel's name of each expression. */
const NAME: Record<NftExpression['kind'], string> = {
  meta: 'meta',
  ct: 'ct',
  'set-ct-mark': 'ct',
  'set-mark': 'meta',
  'set-priority': 'meta',
  constant: 'immediate',
  payload: 'payload',
  compare: 'cmp',
  bitwise: 'bitwise',
  lookup: 'lookup',
  'put-element': 'dynset',
  'one-of': 'lookup',
  counter: 'objref',
  'counter-of': 'objref',
  limit: 'limit',
  log: 'log',
  queue: 'target',
  reset: 'reject',
  verdict: 'immediate',
}

const NFQUEUE_REVISION = 3
const NFQUEUE_BYPASS = 1

/**
 * struct xt_NFQ_info_v3 (include/uapi/linux/netfilter/xt_NFQUEUE.h), in host order, padded to eight bytes. The target of
 * iptables stands in for the `queue` expression of nftables, which some kernels are built without; wherever
 * iptables-nft can queue, this can, and in a table of both families.
 */
const nfqueueInfo = ({ first, count, bypass }: QueueTarget): Uint8Array =>
  new Uint8Array(Uint16Array.of(first, count, bypass ? NFQUEUE_BYPASS : 0, 0).buffer)

/** The attributes of one expression; `anonymous` is the set made for a `one-of`. */
function writeAttributes(
  to: NetlinkWriter,
  expression: NftExpression,
  anonymous: AnonymousSet | undefined,
): void {
  switch (expression.kind) {
    case 'meta':
      to.u32(1, register(expression.to))
      to.u32(2, META[expression.key])
      return
    case 'ct':
      to.u32(1, register(expression.to))
      to.u32(2, CT[expression.key])
      if (expression.direction) to.u8(3, DIRECTION[expression.direction])
      return
    case 'set-ct-mark':
      to.u32(2, CT.mark)
      to.u32(4, register(expression.from))
      return
    case 'set-mark':
      to.u32(2, META.mark)
      to.u32(3, register(expression.from))
      return
    case 'set-priority':
      to.u32(2, META.priority)
      to.u32(3, register(expression.from))
      return
    case 'constant':
      to.u32(1, register(expression.to))
      writeValue(to, 2, expression.value)
      return
    case 'payload':
      to.u32(1, register(expression.to))
      to.u32(2, BASE[expression.base])
      to.u32(3, expression.offset)
      to.u32(4, expression.length)
      return
    case 'compare':
      to.u32(1, register(expression.from))
      to.u32(2, COMPARE[expression.operator])
      writeValue(to, 3, expression.value)
      return
    case 'bitwise':
      to.u32(1, register(expression.register))
      to.u32(2, register(expression.register))
      to.u32(3, expression.mask.length)
      writeValue(to, 4, expression.mask)
      writeValue(to, 5, expression.xor)
      return
    case 'lookup':
      to.text(1, expression.set)
      to.u32(2, register(expression.from))
      if (expression.outcome === 'vmap') to.u32(3, VERDICT_REGISTER)
      if (expression.to !== undefined) to.u32(3, register(expression.to))
      if (expression.outcome === 'not') to.u32(5, INVERTED)
      return
    case 'put-element':
      to.text(1, expression.set)
      to.u32(3, ADD_ELEMENT)
      to.u32(4, register(expression.from))
      return
    case 'one-of':
      if (!anonymous) throw new TypeError('a one-of without its set')
      to.text(1, anonymous.name)
      to.u32(2, register(expression.from))
      to.u32(4, anonymous.id)
      return
    case 'counter':
      to.u32(1, COUNTER_OBJECT)
      to.text(2, expression.name)
      return
    case 'counter-of':
      to.u32(3, register(expression.from))
      to.text(4, expression.set)
      return
    case 'limit':
      to.u64(1, expression.perSecond)
      to.u64(2, 1)
      to.u32(3, expression.burst)
      return
    case 'log':
      to.u16(1, expression.group)
      to.text(2, expression.prefix)
      to.u32(3, expression.snaplen)
      return
    case 'reset':
      to.u32(1, REJECT_TCP_RESET)
      return
    case 'queue':
      to.text(1, 'NFQUEUE')
      to.u32(2, NFQUEUE_REVISION)
      to.data(3, nfqueueInfo(expression))
      return
    case 'verdict':
      to.u32(1, VERDICT_REGISTER)
      to.nest(2, () => writeVerdict(to, expression.verdict))
      return
  }
}

/** A set that lives with one rule: the kernel names it, the rule finds it by its number in the transaction. */
export interface AnonymousSet {
  readonly name: string
  readonly id: number
}

export function writeExpression(
  to: NetlinkWriter,
  expression: NftExpression,
  anonymous: AnonymousSet | undefined,
): void {
  to.nest(LIST_ELEMENT, () => {
    to.text(1, NAME[expression.kind])
    to.nest(2, () => writeAttributes(to, expression, anonymous))
  })
}
