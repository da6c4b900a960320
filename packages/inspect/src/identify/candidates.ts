import type { Transport } from '@sekisho/core'
import type { Protocol, Side } from '../protocol.ts'
import type { CustomProtocol } from './custom.ts'

/** What a conversation may turn out to be. */
export type Candidate = Protocol | CustomProtocol

const EMPTY = new Uint8Array()
const BYTES = 256

type ByFirstByte = readonly (readonly Candidate[])[]

/**
 * Who could have begun with a byte: each candidate is asked once about every single byte. What says no to a byte says
 * no to all that begins with it, for `more` is the answer to what fits so far; so most are never asked again.
 */
const byFirstByte = (all: readonly Candidate[], side: Side): ByFirstByte =>
  Array.from({ length: BYTES }, (_, byte) => {
    const bytes = Uint8Array.of(byte)
    const opening = {
      transport: 'TCP' as const,
      client: side === 'client' ? bytes : EMPTY,
      server: side === 'server' ? bytes : EMPTY,
      first: side,
    }
    return all.filter(candidate => candidate.recognise(opening).kind !== 'no')
  })

/** The candidates of each transport, narrowed down by the first byte that is said. */
export class Candidates {
  readonly #all: Readonly<Record<Transport, readonly Candidate[]>>
  readonly #tcp: Readonly<Record<Side, ByFirstByte>>

  constructor(all: readonly Candidate[]) {
    const of = (transport: Transport) => all.filter(each => each.transports.includes(transport))
    this.#all = { TCP: of('TCP'), UDP: of('UDP'), SCTP: of('SCTP') }
    this.#tcp = {
      client: byFirstByte(this.#all.TCP, 'client'),
      server: byFirstByte(this.#all.TCP, 'server'),
    }
  }

  /**
   * Of a datagram no byte alone says anything, because its length is part of what is recognised: all are asked.
   * @param bytes the first that were said; not empty.
   */
  of(transport: Transport, side: Side, bytes: Uint8Array): readonly Candidate[] {
    if (transport !== 'TCP') return this.#all[transport]
    return this.#tcp[side][bytes[0] ?? 0] ?? []
  }

  /** The protocol that a reader or a user names. */
  named(transport: Transport, application: string): Candidate | undefined {
    return this.#all[transport].find(each => each.application === application)
  }
}
