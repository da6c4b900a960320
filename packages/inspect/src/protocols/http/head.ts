import { LIMITS, Malformed } from '@sekisho/core'
import { asciiBytes, latin1Between } from '../../ascii.ts'
import {
  CR,
  EMPTY_LINE,
  LF,
  lineEnd,
  type Mark,
  type Notes,
  notesOf,
  SP,
  scanFields,
  TOKEN,
} from './fields.ts'
import { HttpRequest } from './request.ts'
import { parseHost, parseTarget } from './target.ts'

/*
 * Heads of HTTP/1 messages (RFC 9112 sections 3, 4 and 6):
 *   method SP request-target SP "HTTP/1." DIGIT CR LF      or      "HTTP/1." DIGIT SP 3DIGIT SP [reason] CR LF
 *   *( field-line CR LF ) CR LF
 */

/** How a message goes on after its head: so many bytes, in chunks, or to the end of the connection. */
export type Body = number | 'chunked' | 'close'

interface Head {
  /** Bytes with the empty line, and with an empty line before it. */
  readonly length: number
  readonly notes: Notes
  readonly body: Body
  /** What is to be spoken instead, in lower case: offered by a request, agreed to by an answer. */
  readonly upgrade?: string
}
export interface RequestHead extends Head {
  /** Where its field lines begin. */
  readonly lines: number
  readonly version: '1.0' | '1.1'
  readonly request: HttpRequest
}
export interface ResponseHead extends Head {
  readonly status: number
}

const VERSION = asciiBytes('HTTP/1.')
const FIELD_LIMIT = LIMITS.httpFields.value
const DEL = 0x7f
/** No message is as long as sixteen digits say, and a number holds fifteen exactly. */
const LENGTH = /^\d{1,15}$/

/** @returns undefined while the head is not all there; raises `Malformed`. */
export function parseRequest(bytes: Uint8Array): RequestHead | undefined {
  // RFC 9112 section 2.2: an empty line before a request is passed over, as old clients send one after a body.
  const start = bytes[0] === CR ? lineEnd(bytes, 0) : 0
  if (start < 0) return undefined
  const methodEnd = endOf(bytes, start, TOKEN)
  const targetEnd = blankAt(bytes, methodEnd) ? endOf(bytes, methodEnd + 1, TARGET) : bytes.length
  const line = blankAt(bytes, targetEnd) ? versionEnd(bytes, targetEnd + 1) : -1
  const lines = line < 0 ? -1 : startLineEnd(bytes, line)
  if (lines < 0) return undefined
  const marks: Mark[] = []
  const end = scanFields(bytes, lines, FIELD_LIMIT, marks)
  if (end < 0) return undefined
  const text = latin1Between(bytes, 0, end)
  const notes = notesOf(text, marks)
  const method = text.slice(start, methodEnd).toUpperCase()
  if (method === '') throw new Malformed('request without a method', start)
  const { path, query, host } = parseTarget(method, text.slice(methodEnd + 1, targetEnd))
  const request = new HttpRequest({
    method,
    path,
    query,
    host: hostOf(notes.host, host),
    lines: text.slice(lines, -EMPTY_LINE),
    linesAt: lines,
  })
  const version = bytes[line - 1] === 0x31 ? '1.1' : '1.0'
  return {
    length: end,
    lines,
    version,
    request,
    notes,
    body: requestBody(notes, version),
    ...upgradeOf(notes),
  }
}

/** @returns undefined while the head is not all there; raises `Malformed`. */
export function parseResponse(bytes: Uint8Array): ResponseHead | undefined {
  const version = versionEnd(bytes, 0)
  if (version < 0 || bytes.length < version + 4) return undefined
  const digits = latin1Between(bytes, version, version + 4)
  if (!/^ [1-9]\d\d$/.test(digits)) throw new Malformed('status that is none', version)
  const reasonEnd = endOf(bytes, version + 4, REASON)
  const lines = reasonEnd === bytes.length ? -1 : startLineEnd(bytes, reasonEnd)
  if (lines < 0) return undefined
  const marks: Mark[] = []
  const end = scanFields(bytes, lines, FIELD_LIMIT, marks)
  if (end < 0) return undefined
  const notes = notesOf(latin1Between(bytes, 0, end), marks)
  return { length: end, status: Number(digits), notes, body: responseBody(notes), ...upgradeOf(notes) }
}

/** Visible, or beyond ASCII; a reason may have blanks, too. */
const TARGET = new Uint8Array(256).fill(1, SP + 1)
const REASON = new Uint8Array(256).fill(1, SP)
TARGET[DEL] = REASON[DEL] = 0

/** @param allowed by byte, whether it may stand there. */
function endOf(bytes: Uint8Array, start: number, allowed: Uint8Array): number {
  let at = start
  while (at < bytes.length && allowed[bytes[at] ?? 0] === 1) at++
  return at
}

/** Whether a blank stands where it must; false also where the bytes end before it. */
function blankAt(bytes: Uint8Array, at: number): boolean {
  if (at >= bytes.length) return false
  if (bytes[at] !== SP) throw new Malformed('start line that is none', at)
  return true
}

function versionEnd(bytes: Uint8Array, start: number): number {
  for (let i = 0; i < VERSION.length; i++) {
    if (start + i >= bytes.length) return -1
    if (bytes[start + i] !== VERSION[i]) throw new Malformed('not HTTP/1', start + i)
  }
  const minor = bytes[start + VERSION.length]
  if (minor === undefined) return -1
  if (minor !== 0x30 && minor !== 0x31) throw new Malformed('not HTTP/1.0 or HTTP/1.1', start)
  return start + VERSION.length + 1
}

function startLineEnd(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) return -1
  if (bytes[at] !== CR)
    throw new Malformed(bytes[at] === LF ? 'bare line feed' : 'start line that is none', at)
  return lineEnd(bytes, at)
}

function hostOf(field: string | undefined, target: string | undefined): string {
  const host = field === undefined ? undefined : parseHost(field)
  if (target === undefined) return host ?? ''
  // RFC 9112 section 3.2.2 says that the target counts; not every server does as it says.
  if (host !== undefined && host !== target) throw new Malformed('host differs from the request target', 0)
  return target
}

function requestBody(notes: Notes, version: RequestHead['version']): Body {
  const [coding, length] = [notes['transfer-encoding'], lengthOf(notes)]
  if (coding === undefined) return length ?? 0
  // RFC 9112 section 6.1: such a message may be an attempt at request smuggling.
  if (version === '1.0') throw new Malformed('transfer-encoding in HTTP/1.0', 0)
  if (coding.toLowerCase() !== 'chunked') throw new Malformed('transfer-encoding that is not chunked', 0)
  return 'chunked'
}

function responseBody(notes: Notes): Body {
  const [coding, length] = [notes['transfer-encoding'], lengthOf(notes)]
  if (coding === undefined) return length ?? 'close'
  return /(?:^|[,\s])chunked$/i.test(coding) ? 'chunked' : 'close'
}

function lengthOf(notes: Notes): number | undefined {
  const text = notes['content-length']
  if (text === undefined) return undefined
  if (notes['transfer-encoding'] !== undefined)
    throw new Malformed('both content-length and transfer-encoding', 0)
  if (!LENGTH.test(text)) throw new Malformed('content-length that is none', 0)
  return Number(text)
}

function upgradeOf(notes: Notes): { readonly upgrade?: string } {
  if (notes.upgrade === undefined || !/(?:^|[,\s])upgrade(?:$|[,\s])/i.test(notes.connection ?? '')) return {}
  return { upgrade: notes.upgrade.toLowerCase() }
}
