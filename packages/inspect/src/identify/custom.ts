import { APPLICATIONS, type Brand, type Pattern, type Transport } from '@sekisho/core'
import { latin1 } from '../ascii.ts'
import {
  type ConversationReader,
  certain,
  likely,
  MORE,
  NO,
  type Opening,
  type Recognition,
} from '../protocol.ts'

/** The name of an application that a user defined; never one that is built in. */
export type CustomApplication = Brand<string, 'CustomApplication'>

const BUILT_IN: ReadonlySet<string> = new Set(APPLICATIONS)
const NAME = /^[a-z][a-z0-9-]{0,62}$/

export const isCustomApplication = (name: string): name is CustomApplication =>
  NAME.test(name) && !BUILT_IN.has(name)

/** What a side's first bytes must be, counted from `at`. */
export type BytePattern =
  /** Undefined stands for any byte. */
  | { readonly kind: 'bytes'; readonly at: number; readonly bytes: readonly (number | undefined)[] }
  /** The text, one character for each byte, fits the whole pattern or one that continues it, within so many bytes. */
  | { readonly kind: 'text'; readonly at: number; readonly within: number; readonly begins: Pattern }

/** An application as a user defines it: all patterns of both sides must hold. */
export interface CustomDefinition {
  readonly application: CustomApplication
  readonly transports: readonly Transport[]
  readonly client: readonly BytePattern[]
  readonly server: readonly BytePattern[]
}

/** A recogniser with a name and nothing beyond it. */
export interface CustomProtocol {
  readonly application: CustomApplication
  readonly transports: readonly Transport[]
  recognise(opening: Opening): Recognition
  readonly open?: (transport: Transport) => ConversationReader
}

type Answer = 'yes' | 'no' | 'more'

function compareBytes({ at, bytes }: BytePattern & { kind: 'bytes' }, said: Uint8Array): Answer {
  const end = Math.min(bytes.length, said.length - at)
  for (let i = 0; i < end; i++) {
    const byte = bytes[i]
    if (byte !== undefined && byte !== said[at + i]) return 'no'
  }
  return said.length >= at + bytes.length ? 'yes' : 'more'
}

function compareText({ at, within, begins }: BytePattern & { kind: 'text' }, said: Uint8Array): Answer {
  if (said.length > at && begins(latin1(said.subarray(at, at + within)))) return 'yes'
  return said.length >= at + within ? 'no' : 'more'
}

/** A datagram is whole: there is no more to come. */
function compareSide(patterns: readonly BytePattern[], said: Uint8Array, isWhole: boolean): Answer {
  let answer: Answer = 'yes'
  for (const pattern of patterns) {
    const one = pattern.kind === 'bytes' ? compareBytes(pattern, said) : compareText(pattern, said)
    if (one === 'no' || (one === 'more' && isWhole)) return 'no'
    if (one === 'more') answer = 'more'
  }
  return answer
}

/** Certain when both sides fit, or the only one that has patterns; one of two is likely, until the other speaks. */
export function compileCustom({ application, transports, client, server }: CustomDefinition): CustomProtocol {
  const evidence = `definition of ${application}`
  const compare = (patterns: readonly BytePattern[], said: Uint8Array, transport: Transport): Answer =>
    patterns.length > 0 && said.length === 0 ? 'more' : compareSide(patterns, said, transport !== 'TCP')
  return {
    application,
    transports,
    recognise(opening) {
      const answers = [
        compare(client, opening.client, opening.transport),
        compare(server, opening.server, opening.transport),
      ]
      if (answers.includes('no')) return NO
      if (!answers.includes('more')) return certain(evidence)
      const isHalf = client.length > 0 && server.length > 0 && answers.includes('yes')
      return isHalf ? likely(evidence) : MORE
    },
  }
}
