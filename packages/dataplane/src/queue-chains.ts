import { FAMILIES, type Family } from '@sekisho/core'
import type { OnFailure } from '@sekisho/policy'
import { type Clause, L4PROTO, markIs, maskedMark, notInSet, protocolIn, vmap } from './field.ts'
import { type MarkState, markText, PACKET_MARK, QUEUED, STATE_MASK, stateMark } from './mark.ts'
import { ANSWERER, ANSWERING_PORT, JUDGED_NOW } from './match.ts'
import {
  EMPTY,
  type Fragment,
  type NftChain,
  type NftElement,
  type NftFixedMap,
  type NftRule,
  type NftSet,
} from './objects.ts'
import { firstQueue, QUEUE_CLASSES, type QueueClass, type QueueRange, type QueueSide } from './queues.ts'
import {
  ACCEPT,
  clearPacketMark,
  counter,
  ctState,
  goTo,
  jump,
  queue,
  REPLY,
  replaceMark,
  rule,
} from './statement.ts'

/** How connections are inspected; `queues` as the inspection was opened with. */
export interface InspectionRules {
  readonly queues: QueueRange
  /**
   * Which connections are read until their application is known, although no rule asks for it: all, those to services of
   * which it is not known, or none.
   */
  readonly identify: 'all' | 'services' | 'off'
}

/** The chain that marks a connection as one that is to be inspected. `closed` wins over `open`. */
export const inspectChain = (onFailure: OnFailure): string => `inspect_${onFailure}`
/** The chain that marks a connection of which only the application is to be known, if no rule asks for more. */
export const IDENTIFY = 'identify'
const queueChain = (kind: QueueClass): string => `queue_${kind}`
const sayingChain = (onFailure: OnFailure): string => `saying_${onFailure}`
const requestsChain = (onFailure: OnFailure): string => `requests_${onFailure}`
const OPENING = 'opening'

/**
 * How long a service whose application is known counts as known, and how many do: of others more is read. Short, for
 * something else may be spoken there one day, and one connection in a while costs nothing.
 */
export const IDENTIFIED = { elementsMax: 65_536, secondsKept: 120 } as const
/** Services whose application is known, by address, protocol and port. */
const service = (family: Family) => [ANSWERER[family], L4PROTO, ANSWERING_PORT] as const
export const identifiedSet = (family: Family): NftSet => ({
  name: `identified_${family}`,
  key: service(family).map(({ type }) => type),
  elementsMax: IDENTIFIED.elementsMax,
  dynamic: { secondsKept: IDENTIFIED.secondsKept },
})

const TREATED = 'treated'
const STATE_FIELD = maskedMark(STATE_MASK)
const leads = (state: MarkState, chain: string): NftElement => ({
  set: TREATED,
  key: markText(stateMark(state)),
  verdict: { kind: 'goto', chain },
})
const treatedMap: NftFixedMap = {
  set: { name: TREATED, key: ['mark'], data: 'verdict' },
  elements: [
    leads('inspectClosed', sayingChain('closed')),
    leads('inspectOpen', sayingChain('open')),
    leads('identify', OPENING),
    leads('requestsClosed', requestsChain('closed')),
    leads('requestsOpen', requestsChain('open')),
    leads('everythingClosed', queueChain('closed')),
    leads('everythingOpen', queueChain('open')),
  ],
}

/** Packets of connections that are inspected go to their queue. */
export const TO_QUEUE: readonly Clause[] = [JUDGED_NOW, vmap([STATE_FIELD], TREATED)]
export const IS_QUEUED = markIs('ct', { mask: QUEUED.mask, operator: '!=', value: 0 })
const IS_IDENTIFYING = markIs('ct', { mask: STATE_MASK, operator: '==', value: stateMark('identify') })

/**
 * What no rule asks about, and is yet to be identified, when its first packet comes. Not later: a change of policy would
 * have every long connection read from its middle.
 */
export function identifying({ identify }: InspectionRules): NftRule[] {
  const first = [protocolIn([6, 17]), ctState('new')]
  switch (identify) {
    case 'off':
      return []
    case 'all':
      return [rule(...first, jump(IDENTIFY))]
    case 'services':
      return FAMILIES.map(family =>
        rule(...first, notInSet(service(family), identifiedSet(family).name), jump(IDENTIFY)),
      )
  }
}

const BITS = Object.values(PACKET_MARK).reduce((all, bit) => all | bit, 0)
/** Nobody but the thread behind the queue may say that a packet is decided. */
const UNDECIDED = rule(clearPacketMark(BITS))

const NO_TCP: Clause = {
  text: 'meta l4proto != tcp',
  expressions: [
    { kind: 'meta', key: 'l4proto', to: 0 },
    { kind: 'compare', operator: '!=', from: 0, value: Uint8Array.of(6) },
  ],
}
/** Its first byte can be read. */
const HAS_DATA: Clause = {
  text: '@ih,0,8 0-255',
  expressions: [{ kind: 'payload', base: 'data', offset: 0, length: 1, to: 0 }],
}
/** Of FIN, SYN, RST, ACK and URG no others. */
const onlyFlag = (name: string, flag: number): Clause => ({
  text: `tcp flags & (fin | syn | rst | ack | urg) == ${name}`,
  expressions: [
    { kind: 'payload', base: 'transport', offset: 13, length: 1, to: 0 },
    { kind: 'bitwise', register: 0, mask: Uint8Array.of(0x37), xor: Uint8Array.of(0) },
    { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(flag) },
  ],
})

const toQueue = (queues: QueueRange, kind: QueueClass, side: QueueSide): Clause =>
  queue({ first: firstQueue(queues, kind, side), count: queues.workers, bypass: kind !== 'closed' })

const toQueues = (queues: QueueRange, kind: QueueClass): NftChain => ({
  name: queueChain(kind),
  rules: [
    UNDECIDED,
    rule(counter('queued')),
    rule(REPLY, toQueue(queues, kind, 'reply')),
    rule(toQueue(queues, kind, 'original')),
  ],
})

/** What is looked at of a connection that a policy asks about. */
function asked(queues: QueueRange, onFailure: OnFailure): NftChain[] {
  const either = goTo(queueChain(onFailure))
  const client = [counter('queued'), toQueue(queues, onFailure, 'original')]
  return [
    {
      name: sayingChain(onFailure),
      rules: [
        UNDECIDED,
        rule(HAS_DATA, either),
        rule(NO_TCP, either),
        rule(onlyFlag('ack', 0x10), ACCEPT),
        rule(REPLY, either),
        rule(onlyFlag('syn', 0x02), ACCEPT),
        rule(either),
      ],
    },
    {
      // The way of most packets: none goes from chain to chain here.
      name: requestsChain(onFailure),
      rules: [
        UNDECIDED,
        rule(REPLY, ACCEPT),
        rule(HAS_DATA, ...client),
        rule(NO_TCP, ...client),
        rule(onlyFlag('ack', 0x10), ACCEPT),
        rule(onlyFlag('syn', 0x02), ACCEPT),
        rule(...client),
      ],
    },
  ]
}

/**
 * Of one that no policy asks about: nothing is denied for what it says, so neither is its handshake looked at, nor how it
 * ends.
 */
const opening: NftChain = {
  name: OPENING,
  rules: [
    UNDECIDED,
    rule(HAS_DATA, goTo(queueChain('identify'))),
    rule(NO_TCP, goTo(queueChain('identify'))),
    rule(ACCEPT),
  ],
}

/** What the thread has decided, beyond that the packet passes. A mark of an older generation stays as it is. */
function verdicts(): NftChain {
  const said = (bit: number): readonly Clause[] => [
    markIs('meta', { mask: BITS, operator: '==', value: bit }),
    ctState('new', 'established'),
    JUDGED_NOW,
  ]
  return {
    name: 'verdicts',
    rules: [
      rule(...said(PACKET_MARK.released), counter('released'), jump('stamp')),
      // Another policy may ask by now, whom nobody has heard.
      rule(...said(PACKET_MARK.identified), IS_IDENTIFYING, counter('released'), jump('stamp')),
      rule(...said(PACKET_MARK.requestsOnly), replaceMark(QUEUED.mask, QUEUED.requests)),
      rule(...said(PACKET_MARK.everything), replaceMark(QUEUED.mask, QUEUED.everything)),
      UNDECIDED,
    ],
  }
}

/** Later than the chains that queue: a packet that was decided goes on there. Others' bits stay on others' packets. */
const BEHIND = 1
const behind = (): NftChain[] =>
  (['forward', 'input', 'output'] as const).map(hook => ({
    name: `behind_${hook}`,
    base: { hook, priority: BEHIND },
    rules: [rule(markIs('meta', { mask: BITS, operator: '!=', value: 0 }), IS_QUEUED, goTo('verdicts'))],
  }))

/** All that inspection needs and no policy changes. */
export const inspectionFragment = (inspection: InspectionRules): Fragment => ({
  ...EMPTY,
  counters: [{ name: 'queued' }, { name: 'released' }],
  maps: [treatedMap],
  sets: inspection.identify === 'services' ? FAMILIES.map(identifiedSet) : [],
  chains: [
    ...QUEUE_CLASSES.map(kind => toQueues(inspection.queues, kind)),
    ...(['closed', 'open'] as const).flatMap(onFailure => asked(inspection.queues, onFailure)),
    opening,
    verdicts(),
    ...behind(),
  ],
})
