import type { Direction, NamedPort, Protocol } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { BoundRule } from './bound.ts'
import { PLACE_SERIALS } from './entities.ts'
import { NOT_SELECTED } from './evaluators.ts'
import { type NamedPortSpec, resolvePort } from './ports.ts'
import { answerOf, type Stage } from './profile.ts'

/** The rules that judge one direction of a workload, taken apart: in order, each with one span of ports. */
export interface Step {
  /** Bits of the protocols it is about, and `UNSURE` where a step cannot say all: the evaluators must be asked. */
  readonly about: number
  readonly first: number
  readonly last: number
  /** Serials, one of which the peer must have; absent where any peer may be meant. */
  readonly peers?: readonly number[]
  /** What comes of it: an answer, or the next stage. */
  readonly answer: SideDecision | undefined
  /** The first step of the next stage. */
  readonly after: number
}

export const UNSURE = 0b1000000
/** Protocols without a name share one bit. */
const OTHER = 0b100000
const EVERY_PROTOCOL = 0b111111

export function protocolBit(protocol: Protocol): number {
  switch (protocol) {
    case 'TCP':
      return 1
    case 'UDP':
      return 2
    case 'SCTP':
      return 4
    case 'ICMP':
      return 8
    case 'ICMPv6':
      return 16
    default:
      return OTHER
  }
}

type Ports = Pick<Step, 'about' | 'first' | 'last'>

const EVERYTHING: Ports = { about: EVERY_PROTOCOL, first: -(2 ** 31), last: 2 ** 31 - 1 }
/** A rule of more ports is not taken apart. */
const SPANS = 16

export interface Judging {
  readonly stages: readonly Stage[]
  readonly direction: Direction
  /** Of the workload that is judged. */
  readonly ports: readonly NamedPort[]
}

function portsOf({ ports, named }: BoundRule, judging: Judging): readonly Ports[] {
  if (!ports) return [EVERYTHING]
  const numeric = ports.flatMap(({ protocol, ports: spans }) => {
    const bit = protocolBit(protocol)
    const about = bit === OTHER ? bit | UNSURE : bit
    return spans ? spans.map(([first, last]) => ({ about, first, last })) : [{ ...EVERYTHING, about }]
  })
  const all = [...numeric, ...named.flatMap(spec => namedPorts(spec, judging))]
  return all.length <= SPANS ? all : [{ ...EVERYTHING, about: EVERY_PROTOCOL | UNSURE }]
}

/** A named port is looked up on the destination: who is judged, or each peer. */
function namedPorts(spec: NamedPortSpec, { direction, ports }: Judging): readonly Ports[] {
  const about = protocolBit(spec.protocol)
  if (direction === 'egress') return [{ ...EVERYTHING, about: about | UNSURE }]
  return resolvePort(ports, spec).map(port => ({ about, first: port, last: port }))
}

/** Names are facts, and what is on a workload's own node depends on both ends: neither is told by serials. */
function peersOf({ peers }: BoundRule): Pick<Step, 'peers'> & { readonly unsure: number } {
  if (!peers) return { unsure: 0 }
  const { selections, block, places, names } = peers
  if (names || places.includes('host')) return { unsure: UNSURE }
  const serials = [...selections, ...(block ? [block] : [])].map(({ serial }) => serial)
  const inPlaces = places.flatMap(place => (place === 'host' ? [] : [PLACE_SERIALS[place]]))
  return { peers: [...serials, ...inPlaces], unsure: 0 }
}

type Untaken = Omit<Step, 'after'>

function stepsOf(rule: BoundRule, answer: Step['answer'], judging: Judging): readonly Untaken[] {
  const { unsure, ...peers } = peersOf(rule)
  const extra = rule.needsFacts ? UNSURE : unsure
  return portsOf(rule, judging).map(ports => ({ ...ports, ...peers, about: ports.about | extra, answer }))
}

/** The last step always answers. */
export function compileSteps(judging: Judging): readonly Step[] {
  const steps: Step[] = []
  for (const stage of judging.stages) {
    const own = stage.rules.flatMap(rule => stepsOf(rule, answerOf(stage, rule), judging))
    const closing = stage.closing ? [{ ...EVERYTHING, answer: stage.closing }] : []
    const after = steps.length + own.length + closing.length
    steps.push(...[...own, ...closing].map(step => ({ ...step, after })))
  }
  return [...steps, { ...EVERYTHING, answer: NOT_SELECTED, after: 0 }]
}

/** Where no policy judges. */
export const NO_STEPS = compileSteps({ stages: [], direction: 'egress', ports: [] })
