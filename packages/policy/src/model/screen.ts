import type { Protocol } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { BoundRule } from './bound.ts'
import type { Stage } from './profile.ts'

/**
 * The rules of a profile as numbers side by side, a cache line each: to look at a rule costs a dozen reads of far memory.
 * By its numbers a rule is passed by where it cannot match and taken where it surely does. They are never wrong, but they
 * need not know: then the evaluators say whether the rule matches.
 */
export interface Screen {
  /** Of all stages, in order: their rules, and what closes them. */
  readonly steps: readonly Step[]
  /** `WIDTH` of each step. */
  readonly numbers: readonly number[]
}

export interface Step {
  /** Absent where it closes its stage, whatever is asked. */
  readonly rule: BoundRule | undefined
  /** Absent where the rule leaves its stage. */
  readonly answer: SideDecision | undefined
  readonly stage: number
  /** The first step of the next stage. */
  readonly after: number
}

/** What a screen is asked about. */
export interface Screened {
  readonly protocol: Protocol
  readonly port: number
  /** Serials of the selections that the peer is in. */
  readonly serials: readonly number[]
}

/** What the numbers of a step are, in order: */
const PROTOCOLS = 0 // bits of those it may be about
const FIRST_PORT = 1 // of the span that all its ports lie in
const LAST_PORT = 2
const SURE = 3 // 1 where the numbers say all there is to know
const COUNT = 4 // of the selections that its peers are, or ANY
const PEERS = 5 // their serials
const WIDTH = 8
const ROOM = WIDTH - PEERS
const ANY = -1

const EVERY_PORT = [-(2 ** 31), 2 ** 31 - 1] as const
const EVERY_PROTOCOL = 0b111111
/** Protocols without a name share one bit. */
const OTHER = 0b100000

function protocolBit(protocol: Protocol): number {
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

interface Ports {
  readonly protocols: number
  readonly first: number
  readonly last: number
  readonly sure: boolean
}

const EVERYTHING: Ports = { protocols: EVERY_PROTOCOL, first: EVERY_PORT[0], last: EVERY_PORT[1], sure: true }

/** A port by name may be any; several spans are one with holes in it. */
function portsOf({ ports, named }: BoundRule): Ports {
  if (!ports) return EVERYTHING
  const spans = ports.map(match => match.ports ?? [EVERY_PORT])
  const flat = [...spans.flat(), ...(named.length > 0 ? [EVERY_PORT] : [])]
  const first = flat.reduce((least, span) => Math.min(least, span[0]), EVERY_PORT[1])
  const last = flat.reduce((most, span) => Math.max(most, span[1]), EVERY_PORT[0])
  const protocols = [...ports, ...named].reduce((bits, { protocol }) => bits | protocolBit(protocol), 0)
  const isWhole = spans.every(
    ([span, ...more]) => more.length === 0 && span?.[0] === first && span[1] === last,
  )
  return { protocols, first, last, sure: isWhole && named.length === 0 && (protocols & OTHER) === 0 }
}

/** Those by address, place or name are not told by serials. */
function peersOf({ peers }: BoundRule): { readonly serials?: readonly number[]; readonly sure: boolean } {
  if (!peers) return { sure: true }
  const { selections, ranges, places, names } = peers
  const isTold = ranges.length === 0 && places.length === 0 && !names && selections.length <= ROOM
  return isTold ? { serials: selections.map(({ serial }) => serial), sure: true } : { sure: false }
}

function numbersOf(rule: BoundRule | undefined): readonly number[] {
  const { protocols, first, last, sure } = rule ? portsOf(rule) : EVERYTHING
  const peers = rule ? peersOf(rule) : { sure: true }
  const isSure = sure && peers.sure && !rule?.needsFacts
  const serials = peers.serials ?? []
  const rest = Array<number>(ROOM - serials.length).fill(0)
  return [protocols, first, last, isSure ? 1 : 0, peers.serials ? serials.length : ANY, ...serials, ...rest]
}

export const EMPTY_SCREEN: Screen = Object.freeze({ steps: [], numbers: [] })

/** @param answerOf what a stage says where a rule of it matches, or where none does. */
export function compileScreen(
  stages: readonly Stage[],
  answerOf: (stage: Stage, rule: BoundRule | undefined) => SideDecision | undefined,
): Screen {
  const steps: Step[] = []
  for (const [at, stage] of stages.entries()) {
    const rules = [...stage.rules, ...(stage.closing ? [undefined] : [])]
    const after = steps.length + rules.length
    for (const rule of rules) steps.push({ rule, answer: answerOf(stage, rule), stage: at, after })
  }
  return { steps, numbers: steps.flatMap(({ rule }) => numbersOf(rule)) }
}

function holdsAny(numbers: readonly number[], at: number, serials: readonly number[]): boolean {
  const count = numbers[at + COUNT] ?? 0
  if (count === ANY) return true
  for (let peer = at + PEERS; peer < at + PEERS + count; peer++) {
    if (serials.includes(numbers[peer] ?? 0)) return true
  }
  return false
}

/** The first step from one on that may be about what is asked; the number of steps where there is none. */
export function nextStep({ steps, numbers }: Screen, from: number, asked: Screened): number {
  const bit = protocolBit(asked.protocol)
  for (let step = from, at = from * WIDTH; step < steps.length; step++, at += WIDTH) {
    const isAbout = ((numbers[at + PROTOCOLS] ?? 0) & bit) !== 0
    if (
      !isAbout ||
      asked.port < (numbers[at + FIRST_PORT] ?? 0) ||
      asked.port > (numbers[at + LAST_PORT] ?? 0)
    )
      continue
    if (holdsAny(numbers, at, asked.serials)) return step
  }
  return steps.length
}

/** Whether a step that may be about what is asked surely is. */
export const isSure = ({ numbers }: Screen, step: number): boolean => numbers[step * WIDTH + SURE] === 1
