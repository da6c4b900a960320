import type { NftVerdict, QueueTarget } from '@sekisho/linux'
import { type Clause, hostU32, protocolIn } from './field.ts'
import { markText } from './mark.ts'
import type { NftRule } from './objects.ts'

/** Clauses that do something, and the rules that clauses make. */

export const counter = (name: string): Clause => ({
  text: `counter name "${name}"`,
  expressions: [{ kind: 'counter', name }],
})

export const verdictText = (verdict: NftVerdict): string =>
  'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind
export const verdict = (what: NftVerdict): Clause => ({
  text: verdictText(what),
  expressions: [{ kind: 'verdict', verdict: what }],
})
export const ACCEPT = verdict({ kind: 'accept' })
export const DROP = verdict({ kind: 'drop' })
export const RETURN = verdict({ kind: 'return' })
/** Drops a packet of TCP, and resets its sender's connection. */
export const RESET: Clause = {
  text: 'meta l4proto tcp reject with tcp reset',
  expressions: [...protocolIn([6]).expressions, { kind: 'reset' }],
}
export const jump = (chain: string): Clause => verdict({ kind: 'jump', chain })
export const goTo = (chain: string): Clause => verdict({ kind: 'goto', chain })

/** At most so many per second go on to the next clause. */
export const limit = (perSecond: number, burst: number): Clause => ({
  text: `limit rate ${perSecond}/second burst ${burst} packets`,
  expressions: [{ kind: 'limit', perSecond, burst }],
})

/** @param prefix at most 127 characters, none of them a quote. */
export const log = (prefix: string, group: number, snaplen: number): Clause => ({
  text: `log prefix "${prefix}" group ${group} snaplen ${snaplen}`,
  expressions: [{ kind: 'log', prefix, group, snaplen }],
})

const STATE = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const
/** The connection is in one of these states. */
export const ctState = (...states: readonly (keyof typeof STATE)[]): Clause => ({
  text: `ct state ${states.join(',')}`,
  expressions: [
    { kind: 'ct', key: 'state', to: 0 },
    {
      kind: 'bitwise',
      register: 0,
      mask: hostU32(states.reduce((bits, state) => bits | STATE[state], 0)),
      xor: hostU32(0),
    },
    { kind: 'compare', operator: '!=', from: 0, value: hostU32(0) },
  ],
})

/** The packet goes the way of the answers. */
export const REPLY: Clause = {
  text: 'ct direction reply',
  expressions: [
    { kind: 'ct', key: 'direction', to: 0 },
    { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(1) },
  ],
}

/** The packet is no first one of a connection that a helper of the kernel expected, and no error about another. */
export const UNRELATED: Clause = {
  text: 'ct state != related',
  expressions: [
    { kind: 'ct', key: 'state', to: 0 },
    { kind: 'compare', operator: '!=', from: 0, value: hostU32(STATE.related) },
  ],
}

/** Replaces bits of the connection's mark. */
export const replaceMark = (mask: number, bits: number): Clause => ({
  text: `ct mark set ct mark & ${markText(~mask)} | ${markText(bits)}`,
  expressions: [
    { kind: 'ct', key: 'mark', to: 0 },
    { kind: 'bitwise', register: 0, mask: hostU32(~mask), xor: hostU32(bits) },
    { kind: 'set-ct-mark', from: 0 },
  ],
})

/** Takes bits out of the packet's mark. */
export const clearPacketMark = (bits: number): Clause => ({
  text: `meta mark set meta mark & ${markText(~bits)}`,
  expressions: [
    { kind: 'meta', key: 'mark', to: 0 },
    { kind: 'bitwise', register: 0, mask: hostU32(~bits), xor: hostU32(0) },
    { kind: 'set-mark', from: 0 },
  ],
})

/** The packet waits until a program decides it, and goes on behind the chains of this hook and priority. */
export const queue = (target: QueueTarget): Clause => ({
  text: `queue flags ${target.bypass ? 'bypass' : 'none'} to ${target.first}-${target.first + target.count - 1}`,
  expressions: [{ kind: 'queue', ...target }],
})

export const rule = (...clauses: readonly Clause[]): NftRule => ({
  text: clauses.map(({ text }) => text).join(' '),
  expressions: clauses.flatMap(({ expressions }) => expressions),
})
