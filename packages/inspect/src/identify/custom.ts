import {
  type ApplicationDefinition,
  type ApplicationName,
  type BytePattern,
  compilePattern,
  type Pattern,
  type Transport,
} from '@sekisho/core'
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

/** A recogniser with a name and nothing beyond it. */
export interface CustomProtocol {
  readonly application: ApplicationName
  readonly transports: readonly Transport[]
  recognise(opening: Opening): Recognition
  readonly open?: (transport: Transport) => ConversationReader
}

type Answer = 'yes' | 'no' | 'more'
type Compare = (said: Uint8Array) => Answer

function compareBytes({ at, bytes }: BytePattern & { kind: 'bytes' }, said: Uint8Array): Answer {
  const end = Math.min(bytes.length, said.length - at)
  for (let i = 0; i < end; i++) {
    const byte = bytes[i] ?? null
    if (byte !== null && byte !== said[at + i]) return 'no'
  }
  return said.length >= at + bytes.length ? 'yes' : 'more'
}

/** Whatever follows is not the pattern's: only the beginning must fit it. */
function beginningOf(pattern: string): Pattern {
  const compiled = compilePattern(`(${pattern}).*`)
  if (!compiled.ok) throw new TypeError(`definition with a pattern that is none: ${compiled.error}`)
  return compiled.value
}

function compileText({ at, within, pattern }: BytePattern & { kind: 'text' }): Compare {
  const begins = beginningOf(pattern)
  return said => {
    if (said.length > at && begins(latin1(said.subarray(at, at + within)))) return 'yes'
    return said.length >= at + within ? 'no' : 'more'
  }
}

const compilePatterns = (patterns: readonly BytePattern[]): readonly Compare[] =>
  patterns.map(pattern =>
    pattern.kind === 'text' ? compileText(pattern) : said => compareBytes(pattern, said),
  )

/** A datagram is whole: there is no more to come. */
function compareSide(patterns: readonly Compare[], said: Uint8Array, isWhole: boolean): Answer {
  let answer: Answer = 'yes'
  for (const compare of patterns) {
    const one = compare(said)
    if (one === 'no' || (one === 'more' && isWhole)) return 'no'
    if (one === 'more') answer = 'more'
  }
  return answer
}

/**
 * Certain when both sides fit, or the only one that has patterns; one of two is likely, until the other speaks.
 * @throws TypeError for a pattern that was not validated.
 */
export function compileCustom({
  application,
  transport: only,
  ...sides
}: ApplicationDefinition): CustomProtocol {
  const evidence = `definition of ${application}`
  const [client, server] = [compilePatterns(sides.client), compilePatterns(sides.server)]
  const compare = (patterns: readonly Compare[], said: Uint8Array, transport: Transport): Answer =>
    patterns.length > 0 && said.length === 0 ? 'more' : compareSide(patterns, said, transport !== 'TCP')
  return {
    application,
    transports: [only],
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

/** Those that are told by their bytes. */
export const customProtocols = (definitions: readonly ApplicationDefinition[]): readonly CustomProtocol[] =>
  definitions.filter(({ client, server }) => client.length + server.length > 0).map(compileCustom)
