import { NLM } from '../../netlink/message.ts'
import { FAMILY, messageType, SUBSYSTEM } from '../subsystem.ts'
import { type AnonymousSet, writeExpression, writeValue, writeVerdict } from './expression.ts'
import type {
  BaseChain,
  KeyType,
  NftElementData,
  NftExpression,
  NftOperation,
  NftSetDefinition,
} from './operation.ts'
import { NetlinkWriter } from './writer.ts'

/** enum nf_tables_msg_types, and the messages that frame a transaction. */
const MESSAGE = {
  newTable: 0,
  deleteTable: 2,
  newChain: 3,
  deleteChain: 5,
  newRule: 6,
  deleteRule: 8,
  newSet: 9,
  deleteSet: 11,
  newElements: 12,
  deleteElements: 14,
  newObject: 18,
  deleteObject: 20,
} as const
const BATCH = { begin: 0x10, end: 0x11 } as const
const COUNTER_OBJECT = 1
const SET_FLAG = {
  anonymous: 1,
  constant: 2,
  interval: 4,
  map: 8,
  timeout: 16,
  byRules: 32,
  object: 64,
} as const
const VERDICT_DATA = 0xffffff00
const INTERVAL_END = 1
const ACCEPT = 1
const HOOK = { prerouting: 0, input: 1, forward: 2, output: 3 } as const

/** Bytes of a key of each type, and the number by which `nft list` knows how to print it. */
const TYPE: Record<KeyType, { readonly bytes: number; readonly id: number; readonly host?: true }> = {
  ipv4_addr: { bytes: 4, id: 7 },
  ipv6_addr: { bytes: 16, id: 8 },
  nf_proto: { bytes: 1, id: 2 },
  inet_proto: { bytes: 1, id: 12 },
  inet_service: { bytes: 2, id: 13 },
  mark: { bytes: 4, id: 19, host: true },
  classid: { bytes: 4, id: 23, host: true },
  ifname: { bytes: 16, id: 41, host: true },
  iface_index: { bytes: 4, id: 20, host: true },
}
const TYPE_BITS = 6
/**
 * What `nft list` must know to print such keys and data (libnftnl's NFTNL_UDATA_SET_KEYBYTEORDER, ..._DATABYTEORDER):
 * type, length, host order.
 */
const HOST_ORDER = { key: [0, 4, 1, 0, 0, 0], data: [1, 4, 1, 0, 0, 0] } as const

const isHost = (type: NftSetDefinition['data']): boolean =>
  type !== undefined && type !== 'verdict' && type !== 'counter' && TYPE[type].host === true
const hostOrder = ({ key, data }: NftSetDefinition): Uint8Array =>
  Uint8Array.from([
    ...(key.length === 1 && isHost(key[0]) ? HOST_ORDER.key : []),
    ...(isHost(data) ? HOST_ORDER.data : []),
  ])

const setFlags = ({ interval, data, dynamic }: NftSetDefinition): number => {
  const map = data === undefined ? 0 : data === 'counter' ? SET_FLAG.object : SET_FLAG.map
  return map | (interval ? SET_FLAG.interval : 0) | (dynamic ? SET_FLAG.timeout | SET_FLAG.byRules : 0)
}

const padded = (bytes: number): number => (bytes + 3) & ~3
/** In a concatenation each part fills whole registers. */
const keyBytes = (key: readonly KeyType[]): number =>
  key.length === 1 && key[0]
    ? TYPE[key[0]].bytes
    : key.reduce((sum, type) => sum + padded(TYPE[type].bytes), 0)
const keyType = (key: readonly KeyType[]): number =>
  key.reduce((id, type) => (id << TYPE_BITS) | TYPE[type].id, 0)

/**
 * The length of a nest is 16 bits. An element is at most 100 bytes (a range of IPv6 addresses, or an interface with
 * a verdict and a chain's name), so this many always fit.
 */
const ELEMENTS_MAX = 500

interface ElementsMessage {
  readonly message: number
  readonly set: string
  /** Of an anonymous set. */
  readonly id?: number
  readonly elements: readonly NftElementData[]
  readonly flags: number
  readonly ack: number
}

/** The key that follows, where a range ends; undefined after the last key there is. */
function successor(key: Uint8Array): Uint8Array | undefined {
  const next = Uint8Array.from(key) // the slice of a Buffer would be the same bytes
  for (let at = next.length - 1; at >= 0; at--) {
    const byte = next[at] ?? 0
    next[at] = (byte + 1) & 0xff
    if (byte !== 0xff) return next
  }
  return undefined
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, at) => byte === b[at])

class BatchEncoder {
  readonly #writer = new NetlinkWriter()
  readonly #table: string
  #sequence: number
  #nextSet = 1

  constructor(table: string, sequence: number) {
    this.#table = table
    this.#sequence = sequence
  }

  encode(operations: readonly NftOperation[]): { readonly bytes: Uint8Array; readonly last: number } {
    this.#frame(BATCH.begin)
    for (const [at, operation] of operations.entries()) {
      this.#operation(operation, at === operations.length - 1 ? NLM.ack : 0)
    }
    const last = this.#sequence - 1
    this.#frame(BATCH.end)
    return { bytes: this.#writer.bytes, last }
  }

  #frame(type: number): void {
    const header = { type, flags: NLM.request, sequence: this.#sequence++, family: 0 }
    this.#writer.beginMessage({ ...header, resource: SUBSYSTEM.nftables })
    this.#writer.endMessage()
  }

  #message(message: number, flags: number, content: () => void = () => undefined): void {
    const type = messageType(SUBSYSTEM.nftables, message)
    const sequence = this.#sequence++
    this.#writer.beginMessage({
      type,
      flags: NLM.request | flags,
      sequence,
      family: FAMILY.inet,
      resource: 0,
    })
    this.#writer.text(1, this.#table)
    content()
    this.#writer.endMessage()
  }

  #operation(operation: NftOperation, ack: number): void {
    const to = this.#writer
    switch (operation.kind) {
      case 'add-table':
        this.#message(MESSAGE.newTable, NLM.create | ack)
        break
      case 'delete-table':
        this.#message(MESSAGE.deleteTable, ack)
        break
      case 'add-counter':
        this.#message(MESSAGE.newObject, NLM.create | ack, () => this.#counter(operation.name))
        break
      case 'delete-counter':
        this.#message(MESSAGE.deleteObject, ack, () => {
          to.text(2, operation.name)
          to.u32(3, COUNTER_OBJECT)
        })
        break
      case 'add-set':
        this.#set(operation.set, { id: this.#nextSet++, flags: 0, ack })
        break
      case 'delete-set':
        this.#message(MESSAGE.deleteSet, ack, () => to.text(2, operation.name))
        break
      case 'add-elements':
        this.#elements({ message: MESSAGE.newElements, ...operation, flags: NLM.create, ack })
        break
      case 'delete-elements':
        this.#elements({ message: MESSAGE.deleteElements, ...operation, flags: 0, ack })
        break
      case 'add-chain':
        this.#message(MESSAGE.newChain, NLM.create | ack, () => this.#chain(operation.name, operation.base))
        break
      case 'flush-chain':
        this.#message(MESSAGE.deleteRule, ack, () => to.text(2, operation.name))
        break
      case 'delete-chain':
        this.#message(MESSAGE.deleteChain, ack, () => to.text(3, operation.name))
        break
      case 'add-rule':
        this.#rule(operation.chain, operation.expressions, ack)
        break
    }
  }

  #counter(name: string): void {
    const to = this.#writer
    to.text(2, name)
    to.u32(3, COUNTER_OBJECT)
    to.nest(4, () => {
      to.u64(1, 0)
      to.u64(2, 0)
    })
  }

  #chain(name: string, base: BaseChain | undefined): void {
    const to = this.#writer
    to.text(3, name)
    if (!base) return
    to.nest(4, () => {
      to.u32(1, HOOK[base.hook])
      to.u32(2, base.priority)
    })
    to.u32(5, ACCEPT)
    to.text(7, 'filter')
  }

  #set(set: NftSetDefinition, { id, flags, ack }: { id: number; flags: number; ack: number }): void {
    const to = this.#writer
    const { elementsMax, dynamic } = set
    this.#message(MESSAGE.newSet, NLM.create | ack, () => {
      to.text(2, set.name)
      to.u32(3, flags | setFlags(set))
      to.u32(4, keyType(set.key))
      to.u32(5, keyBytes(set.key))
      this.#dataType(set)
      if (elementsMax !== undefined) to.nest(9, () => to.u32(1, elementsMax))
      to.u32(10, id)
      if (dynamic) to.u64(11, dynamic.secondsKept * 1_000)
      const order = hostOrder(set)
      if (order.length > 0) to.data(13, order)
    })
  }

  #dataType({ data }: NftSetDefinition): void {
    const to = this.#writer
    switch (data) {
      case undefined:
        return
      case 'counter':
        to.u32(15, COUNTER_OBJECT)
        return
      case 'verdict':
        to.u32(6, VERDICT_DATA)
        to.u32(7, 0)
        return
      default:
        to.u32(6, TYPE[data].id)
        to.u32(7, TYPE[data].bytes)
    }
  }

  /** The acknowledgement is for the last message of a transaction, so only the last chunk may ask for it. */
  #elements({ message, set, id, elements, flags, ack }: ElementsMessage): void {
    const to = this.#writer
    for (let at = 0; at < elements.length; at += ELEMENTS_MAX) {
      const chunk = elements.slice(at, at + ELEMENTS_MAX)
      this.#message(message, flags | (at + ELEMENTS_MAX >= elements.length ? ack : 0), () => {
        to.text(2, set)
        if (id !== undefined) to.u32(4, id)
        to.nest(3, () => {
          for (const element of chunk) this.#element(element)
        })
      })
    }
  }

  #element(element: NftElementData): void {
    const to = this.#writer
    if ('first' in element) {
      to.close(this.#openElement(element.first))
      const end = successor(element.last)
      if (!end) return
      const at = this.#openElement(end)
      to.u32(3, INTERVAL_END)
      to.close(at)
      return
    }
    const { key, verdict, counter, value } = element
    const at = this.#openElement(key)
    if (verdict) to.nest(2, () => writeVerdict(to, verdict))
    if (value) writeValue(to, 2, value)
    if (counter !== undefined) to.text(9, counter)
    to.close(at)
  }

  #openElement(key: Uint8Array): number {
    const at = this.#writer.open(1)
    writeValue(this.#writer, 1, key)
    return at
  }

  #rule(chain: string, expressions: readonly NftExpression[], ack: number): void {
    const to = this.#writer
    const anonymous = new Map<NftExpression, AnonymousSet>()
    for (const expression of expressions) {
      if (expression.kind === 'one-of') anonymous.set(expression, this.#anonymousSet(expression))
    }
    this.#message(MESSAGE.newRule, NLM.create | NLM.append | ack, () => {
      to.text(2, chain)
      to.nest(4, () => {
        for (const expression of expressions) writeExpression(to, expression, anonymous.get(expression))
      })
    })
  }

  #anonymousSet({ type, ranges }: Extract<NftExpression, { kind: 'one-of' }>): AnonymousSet {
    const id = this.#nextSet++
    const interval = ranges.some(({ first, last }) => !equal(first, last))
    const set = { name: '__set%d', key: [type], interval }
    const elements = interval ? ranges : ranges.map(({ first }) => ({ key: first }))
    this.#set(set, { id, flags: SET_FLAG.anonymous | SET_FLAG.constant, ack: 0 })
    const message = { message: MESSAGE.newElements, set: set.name, id, elements, flags: NLM.create, ack: 0 }
    this.#elements(message)
    return { name: set.name, id }
  }
}

/**
 * One transaction as the kernel reads it: all or nothing.
 * @returns `last`: the sequence number whose acknowledgement says that it was committed.
 */
export const encodeTransaction = (
  table: string,
  operations: readonly NftOperation[],
  sequence: number,
): { readonly bytes: Uint8Array; readonly last: number } =>
  new BatchEncoder(table, sequence).encode(operations)
