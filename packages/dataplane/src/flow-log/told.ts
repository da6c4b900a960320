import { type FlowEnd, parseRuleId, protocolName, type RuleId, type WorkloadId } from '@sekisho/core'
import type { PacketTuple } from '@sekisho/linux'
import type { FlowQuery, Judgement } from '@sekisho/policy'
import type { Role } from '../names.ts'
import { attributionOf } from './attributions.ts'
import type { Attribution, EdgeEnds } from './edge.ts'

/** What a logged packet tells. */
export interface Told {
  readonly ends: EdgeEnds
  readonly sourcePort: number
  readonly attribution: Attribution
  /** Whether the policies in this process give the kernel's answer. */
  readonly agreed: boolean
}

interface Conversation {
  readonly ends: EdgeEnds
  readonly sourcePort: number
}

/** Ports above are given to whoever asks: Linux's default range. */
const EPHEMERAL = 32_768

const reversed = (tuple: PacketTuple): PacketTuple => ({
  ...tuple,
  source: tuple.destination,
  destination: tuple.source,
  sourcePort: tuple.destinationPort,
  destinationPort: tuple.sourcePort,
})

const conversation = (tuple: PacketTuple, endOf: (ip: string) => FlowEnd): Conversation => ({
  ends: {
    source: endOf(tuple.source),
    destination: endOf(tuple.destination),
    protocol: protocolName(tuple.protocol),
    port: tuple.destinationPort,
  },
  sourcePort: tuple.sourcePort,
})

/** What the rule's own id says, for when the model has moved on since the packet was judged. */
function byKernel(outcome: 'denied' | 'audited', rule: RuleId | undefined): Attribution {
  const name = rule === undefined ? undefined : parseRuleId(rule)
  if (rule === undefined || !name) return { outcome, why: 'isolated' }
  const why = name.index === undefined ? 'isolated' : 'rule-deny'
  return { outcome, direction: name.direction, by: rule, why }
}

export interface Evidence {
  readonly rule: RuleId | undefined
  readonly role: Role
}

export interface ToldPorts {
  endOf(ip: string): FlowEnd
  judge(query: FlowQuery): Judgement
}

/**
 * A packet that a rule denied. A live connection may be judged by a packet of its answering side: the rule that the
 * kernel names tells which way round it was asked; where both ways or neither fit, the well-known port is the one
 * that was asked for.
 */
export function readDenial(tuple: PacketTuple, { rule, role }: Evidence, { endOf, judge }: ToldPorts): Told {
  const outcome = role === 'audit' ? 'audited' : 'denied'
  const consider = (of: PacketTuple) => {
    const told = conversation(of, endOf)
    const judgement = judge(told.ends)
    const agreed = judgement.outcome === outcome && judgement.decision.by === rule
    return { ...told, agreed, attribution: agreed ? attributionOf(judgement) : byKernel(outcome, rule) }
  }
  const asSent = consider(tuple)
  const answering = consider(reversed(tuple))
  if (asSent.agreed !== answering.agreed) return asSent.agreed ? asSent : answering
  return asSent.ends.port >= EPHEMERAL && answering.ends.port < EPHEMERAL ? answering : asSent
}

/** A packet whose source is not its sender's. */
export function readForgery(
  tuple: PacketTuple,
  sender: WorkloadId | undefined,
  endOf: (ip: string) => FlowEnd,
): Told {
  const told = conversation(tuple, endOf)
  const source = { ip: tuple.source, ...(sender !== undefined && { workload: sender }) }
  return {
    ends: { ...told.ends, source },
    sourcePort: told.sourcePort,
    attribution: { outcome: 'denied', direction: 'egress', why: 'spoofed-source' },
    agreed: true,
  }
}
