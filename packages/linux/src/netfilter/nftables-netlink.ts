import { Malformed, type Reader } from '@sekisho/core'
import { SystemError } from '../libc.ts'
import { dump } from '../netlink/dump.ts'
import { attribute, concat, eachAttribute, nulTerminated, text, u32be, u64 } from '../netlink/message.ts'
import { NETLINK, NetlinkSocket } from '../netlink/socket.ts'
import { FAMILY, GENERIC_HEADER_BYTES, genericHeader, messageType, SUBSYSTEM } from './subsystem.ts'

/**
 * The questions about the ruleset that are cheap when asked by netlink and not by `list`, which fetches every
 * element of every set (seconds for large sets). include/uapi/linux/netfilter/nf_tables.h.
 */
export type RulesetFamily = 'inet' | 'ip' | 'ip6' | 'bridge'
const FAMILIES = {
  inet: FAMILY.inet,
  ip: FAMILY.ip4,
  ip6: FAMILY.ip6,
  bridge: FAMILY.bridge,
} as const satisfies Record<RulesetFamily, number>
const MESSAGE = { getTable: 1, getGeneration: 16, getObject: 19 } as const
const TABLE_NAME = 1
const GENERATION_ID = 1
const OBJECT = { table: 1, name: 2, type: 3, data: 4 } as const
const COUNTER_TYPE = 1
const COUNTER = { bytes: 1, packets: 2 } as const

export interface ObjectCounters {
  readonly packets: number
  readonly bytes: number
}

export interface NamedCounter extends ObjectCounters {
  readonly table: string
  readonly name: string
}

function parseCounter(reader: Reader): ObjectCounters {
  const counters = { packets: 0, bytes: 0 }
  eachAttribute(reader, (type, value) => {
    if (type === COUNTER.bytes) counters.bytes = u64(value)
    else if (type === COUNTER.packets) counters.packets = u64(value)
  })
  return counters
}

/** NFT_MSG_NEWOBJ of a counter: nfgenmsg, then NFTA_OBJ_*. Raises `Malformed`. */
export function parseNamedCounter(body: Reader): NamedCounter {
  body.skip(GENERIC_HEADER_BYTES)
  let [table, name] = ['', '']
  let counters: ObjectCounters | undefined
  eachAttribute(body, (type, value) => {
    if (type === OBJECT.table) table = text(value)
    else if (type === OBJECT.name) name = text(value)
    else if (type === OBJECT.data) counters = parseCounter(value)
  })
  if (name === '' || !counters) throw new Malformed('a counter without name or value', body.at)
  return { table, name, ...counters }
}

const type = (message: number) => messageType(SUBSYSTEM.nftables, message)

export interface Ruleset extends Disposable {
  counters(table: string, family: RulesetFamily): Promise<ReadonlyMap<string, ObjectCounters>>
  tableExists(table: string, family: RulesetFamily): boolean
  generation(): number
}

export function openRuleset(netns: string | undefined): Ruleset {
  const socket = new NetlinkSocket(NETLINK.netfilter, { netns })
  return {
    counters: (table, family) => counters(netns, table, family),
    tableExists: (table, family) => tableExists(socket, table, family),
    generation: () => generation(socket),
    [Symbol.dispose]: () => socket.close(),
  }
}

async function counters(
  netns: string | undefined,
  table: string,
  family: RulesetFamily,
): Promise<ReadonlyMap<string, ObjectCounters>> {
  const found = await dump({
    protocol: NETLINK.netfilter,
    netns,
    request: {
      type: type(MESSAGE.getObject),
      body: concat(
        genericHeader(FAMILIES[family]),
        attribute(OBJECT.table, nulTerminated(table)),
        attribute(OBJECT.type, u32be(COUNTER_TYPE)),
      ),
    },
    parse: (_, body) => parseNamedCounter(body),
  })
  return new Map(
    found
      .filter(counter => counter.table === table)
      .map(({ name, packets, bytes }) => [name, { packets, bytes }]),
  )
}

function tableExists(socket: NetlinkSocket, table: string, family: RulesetFamily): boolean {
  const body = concat(genericHeader(FAMILIES[family]), attribute(TABLE_NAME, nulTerminated(table)))
  try {
    socket.request({ type: type(MESSAGE.getTable), body })
    return true
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENOENT') return false
    throw error
  }
}

function generation(socket: NetlinkSocket): number {
  let id = 0
  socket.request({ type: type(MESSAGE.getGeneration), body: genericHeader(FAMILY.unspec) }, (_, body) => {
    body.skip(GENERIC_HEADER_BYTES)
    eachAttribute(body, (attributeType, value) => {
      if (attributeType === GENERATION_ID) id = value.u32be()
    })
  })
  return id
}
