import { Malformed, Reader } from '@sekisho/core'
import { u32le } from '../../numbers.ts'
import type { Reading } from '../../reading.ts'
import { sqlRequest, sqlRequests } from '../../sql/requests.ts'
import { readParameter, UTF16 } from './parameters.ts'

/*
 * Batches (MS-TDS 2.2.6.7) are a text in UTF-16. Remote calls (2.2.6.6) name a procedure, or say its number after 0xffff,
 * and some of those take a text. Before both, headers (2.2.5.3) since TDS 7.2: length(32) (length(32) type(16) …)*.
 */
const NUMBERED = 0xffff
/** By the number of the procedure: which of its parameters is a text to run. */
const STATEMENT_AT: ReadonlyMap<number, number> = new Map([
  [2, 1], // sp_cursoropen
  [3, 2], // sp_cursorprepare
  [5, 3], // sp_cursorprepexec
  [10, 0], // sp_executesql
  [11, 2], // sp_prepare
  [13, 2], // sp_prepexec
  [14, 1], // sp_prepexecrpc
])
/** These run or let go what was prepared, and so was judged. */
const OF_PREPARED: ReadonlySet<number> = new Set([4, 6, 7, 8, 9, 12, 15])
const BY_NAME: ReadonlyMap<string, number> = new Map([
  ['sp_cursoropen', 2],
  ['sp_cursorprepare', 3],
  ['sp_cursorexecute', 4],
  ['sp_cursorprepexec', 5],
  ['sp_cursorunprepare', 6],
  ['sp_cursorfetch', 7],
  ['sp_cursoroption', 8],
  ['sp_cursorclose', 9],
  ['sp_executesql', 10],
  ['sp_prepare', 11],
  ['sp_execute', 12],
  ['sp_prepexec', 13],
  ['sp_prepexecrpc', 14],
  ['sp_unprepare', 15],
])
/** What stands between calls that are sent at once, since TDS 7.2; after the second the next is not to run. */
const BETWEEN: ReadonlySet<number> = new Set([0xff, 0xfe])
/** Names that clients give to the parameter with the text; others could make the server take another one. */
const STATEMENT_NAME = /^(?:@?st(?:mt|atement))?$/i

export const batchText = (message: Uint8Array): string => UTF16.decode(message.subarray(headerBytes(message)))

export const batchRequests = (message: Uint8Array, database: string | undefined): readonly Reading[] =>
  textRequests(batchText(message), database)

const textRequests = (text: string, database: string | undefined): readonly Reading[] =>
  sqlRequests({ bytes: Buffer.from(text, 'utf8'), dialect: 'sqlserver', database })

/** Headers fill what they say they do; a text of two characters that looked so would be none. */
function headerBytes(message: Uint8Array): number {
  const total = message.length < 4 ? 0 : u32le(message, 0)
  if (total > message.length) return 0
  let at = 4
  while (at + 6 <= total) {
    const length = u32le(message, at)
    if (length < 6) return 0
    at += length
  }
  return at === total ? total : 0
}

export function callRequests(message: Uint8Array, database: string | undefined): readonly Reading[] {
  const reader = new Reader(message, headerBytes(message))
  const found: Reading[] = []
  while (reader.left > 0) found.push(...readCall(reader, message, database))
  return found
}

function readCall(reader: Reader, message: Uint8Array, database: string | undefined): readonly Reading[] {
  const length = reader.u16le()
  const name = length === NUMBERED ? undefined : UTF16.decode(reader.bytes(2 * length))
  const number = name === undefined ? reader.u16le() : BY_NAME.get(plainName(name))
  reader.skip(2)
  const texts: (Uint8Array | undefined)[] = []
  const at = number === undefined ? undefined : STATEMENT_AT.get(number)
  while (reader.left > 0 && !BETWEEN.has(message[reader.at] ?? 0)) {
    const parameter = readParameter(reader)
    if (texts.length === at && !STATEMENT_NAME.test(parameter.name))
      throw new Malformed('parameters in another order', reader.at)
    texts.push(parameter.text)
  }
  if (reader.left > 0) reader.skip(1)
  if (number !== undefined && OF_PREPARED.has(number)) return []
  if (at === undefined) return [sqlRequest('call', database)]
  const text = texts[at]
  if (!text) throw new Malformed('a call without the text to run', reader.at)
  return textRequests(UTF16.decode(text), database)
}

/** As in `[master]..sp_executesql`. */
const plainName = (name: string): string =>
  (name.split('.').at(-1) ?? '').replaceAll(/[[\]"]/g, '').toLowerCase()
