import { LIMITS, Malformed } from '@sekisho/core'
import type { BoldReader } from '../../guarded.ts'
import type { Side } from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { Refinement } from './applications/index.ts'
import { type Body, parseRequest, parseResponse, type RequestHead, type ResponseHead } from './head.ts'
import { KeptHead } from './kept-head.ts'
import { Messages } from './messages.ts'
import type { HttpRequest } from './request.ts'

/*
 * A connection of HTTP/1 (RFC 9112 section 9): requests, often in advance, and answers in the same order. An answer is
 * framed by the request it belongs to (section 6.3): none to HEAD has a body, one to CONNECT or Upgrade may end HTTP.
 */

/** What an answer must know of its request. */
type Asked = 'any' | 'HEAD' | 'CONNECT' | 'upgrade'

const askedBy = ({ request: { method }, upgrade }: RequestHead): Asked =>
  method === 'HEAD' || method === 'CONNECT' ? method : upgrade === undefined ? 'any' : 'upgrade'

const STATUS = new Map<number, Reading>()
/** One object for each status: it is said with every answer. */
function statusOf(status: number): Reading {
  const known = STATUS.get(status) ?? detail('status', String(status))
  STATUS.set(status, known)
  return known
}

/** A request without a body that came in one piece, and what was said of it. */
interface Kept {
  readonly request: HttpRequest
  readonly asked: Asked
  readonly reading: Reading
}

export class Http1Reader implements BoldReader {
  readonly #requests = new Messages(parseRequest)
  readonly #answers = new Messages(parseResponse)
  readonly #refinement = new Refinement()
  readonly #onHttp2: (rest: Uint8Array, found: Reading[]) => void
  readonly #asked: Asked[] = []
  /** Whether answers can still be told which request they belong to. */
  #paired = true
  #introduced = false
  #answered = false
  #serverNamed = false
  /** The last request: what a client asks once it often asks again, and the same bytes say the same. */
  #kept: Kept | undefined
  readonly #keptHead = new KeptHead()

  /** @param onHttp2 both sides go over to HTTP/2; `rest` is what the server has already said of it. */
  constructor(onHttp2: (rest: Uint8Array, found: Reading[]) => void) {
    this.#onHttp2 = onHttp2
  }

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'client') this.#client(bytes, found)
    else if (this.#paired) this.#server(bytes, found)
  }

  /**
   * Requests are framed by themselves. The first answer tells whose server it is; one to Upgrade or CONNECT, what comes
   * next. A later Upgrade that the server agrees to is not followed: what comes after it is not HTTP, and so refused.
   */
  leaveServer(): boolean {
    const isWaiting = this.#asked.some(asked => asked === 'upgrade' || asked === 'CONNECT')
    if (this.#paired && (!this.#answered || isWaiting)) return false
    this.#paired = false
    this.#asked.length = 0
    return true
  }

  #client(bytes: Uint8Array, found: Reading[]): void {
    const isBetween = this.#requests.idle
    const again = isBetween ? this.#again(bytes) : undefined
    if (again) {
      this.#remember(again.asked)
      found.push(again.reading)
      return
    }
    this.#requests.push(bytes)
    for (let head = this.#requests.next(); head; head = this.#requests.next()) {
      this.#requests.body(head.body)
      const asked = askedBy(head)
      this.#remember(asked)
      if (!this.#introduced) this.#introduce(head, found)
      this.#refinement.request(head.request, head.notes, found)
      const isKept = isBetween && isAll(head, bytes)
      const reading: Reading = { kind: 'request', request: head.request, isKept }
      found.push(reading)
      this.#kept = isKept ? { request: head.request, asked, reading } : undefined
      if (isKept) this.#keptHead.keep(bytes, head.lines)
    }
    this.#requests.keep()
  }

  /**
   * The last request, if these bytes are its own, or differ from it in what nobody has asked for: an application that it
   * would tell of was told of.
   */
  #again(bytes: Uint8Array): Kept | undefined {
    const kept = this.#kept
    if (!kept || bytes.length > LIMITS.httpKeptHead.value) return undefined
    const sameness = this.#keptHead.compare(bytes)
    if (sameness === 'same') return kept
    if (sameness === 'other' || kept.request.isAskedForHeaders) return undefined
    this.#keptHead.keep(bytes)
    kept.request.repeat(bytes)
    return kept
  }

  #remember(asked: Asked): void {
    if (!this.#paired) return
    if (this.#asked.length < LIMITS.httpUnanswered.value) this.#asked.push(asked)
    // The server may not be seen at all. Requests are judged all the same; a change of protocol cannot be followed,
    // and what comes after it is not HTTP and so refused.
    else this.#paired = false
  }

  #server(bytes: Uint8Array, found: Reading[]): void {
    this.#answers.push(bytes)
    for (let head = this.#answers.next(); head; head = this.#answers.next()) {
      this.#nameServer(head, found)
      this.#refinement.answer(head.notes, found)
      found.push(statusOf(head.status))
      if (this.#changes(head, found)) return
    }
    this.#answers.keep()
  }

  /** @returns whether HTTP/1 is over. */
  #changes(head: ResponseHead, found: Reading[]): boolean {
    const { status } = head
    if (status < 200 && status !== 101) return false
    this.#answered = true
    const asked = this.#asked.shift() ?? 'any'
    const tunnel = asked === 'CONNECT' && status < 300
    if (status !== 101 && !tunnel) {
      this.#answers.body(bodyOf(asked, status, head.body))
      return false
    }
    if (status === 101 && asked !== 'upgrade') throw new Malformed('change of protocol nobody asked for', 0)
    // Were they requests, or the beginning of what comes now? Client and server need not agree.
    if (this.#asked.length > 0 || !this.#requests.idle)
      throw new Malformed('requests before a change of protocol was agreed to', 0)
    this.#become(tunnel ? '' : (head.upgrade ?? ''), found)
    return true
  }

  #become(upgrade: string, found: Reading[]): void {
    const rest = this.#answers.rest()
    if (upgrade === 'h2c') this.#onHttp2(rest, found)
    else if (upgrade === 'websocket') found.push({ kind: 'becomes', application: 'websocket', rest })
    else found.push({ kind: 'becomes', rest })
  }

  #introduce({ version, notes }: RequestHead, found: Reading[]): void {
    this.#introduced = true
    const software = notes['user-agent']
    found.push(detail('protocol-version', version))
    if (software !== undefined) found.push(detail('client-software', software))
  }

  #nameServer({ notes }: ResponseHead, found: Reading[]): void {
    if (this.#serverNamed || notes.server === undefined) return
    this.#serverNamed = true
    found.push(detail('server-software', notes.server))
  }
}

const isAll = ({ length, body }: RequestHead, bytes: Uint8Array): boolean =>
  length === bytes.length && body === 0 && length <= LIMITS.httpKeptHead.value

const bodyOf = (asked: Asked, status: number, body: Body): Body =>
  asked === 'HEAD' || status === 204 || status === 304 ? 0 : body
