import { LIMITS, Malformed } from '@sekisho/core'
import type { BoldReader } from '../../guarded.ts'
import type { Side } from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { Refinement } from '../http/applications/index.ts'
import { FRAME, type Frame, Frames } from './frames.ts'
import { HpackDecoder } from './hpack.ts'
import { type Message, messageOf, notesOf, requestOf } from './message.ts'

/*
 * HTTP/2 in clear (RFC 9113): the client begins with a preface, then both sides send frames. A request is the first
 * header block on a new stream of the client; a later one on it are trailers. Streams are numbered upwards, so that none
 * has to be remembered but the last.
 */
export const CLIENT_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export class Http2Reader implements BoldReader {
  readonly #frames = { client: new Frames(), server: new Frames() }
  readonly #hpack = { client: new HpackDecoder(), server: new HpackDecoder() }
  readonly #refinement = new Refinement()
  #lastStream: number
  /** Streams that the client took back, less those that the server answered. */
  #resets = 0
  readonly #named = { client: false, server: false }
  #greeted = false

  /** @param upgraded the request that led here, over HTTP/1, is stream 1 (RFC 7540 section 3.2). */
  constructor({ upgraded = false } = {}) {
    this.#lastStream = upgraded ? 1 : 0
  }

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    const frames = this.#frames[side]
    frames.push(bytes)
    if (side === 'client' && !this.#greeted) this.#greeted = frames.passed(CLIENT_PREFACE)
    if (side === 'server' || this.#greeted) this.#read(side, frames, found)
    frames.keep()
  }

  #read(side: Side, frames: Frames, found: Reading[]): void {
    for (let frame = frames.next(); frame; frame = frames.next()) this.#frame(side, frame, found)
  }

  #frame(side: Side, frame: Frame, found: Reading[]): void {
    if (frame.kind === 'other') {
      if (frame.type === FRAME.reset && side === 'client') this.#reset()
      return
    }
    // A block that says nothing of interest still changes the table that later ones refer to.
    const fields = this.#hpack[side].decode(frame.block)
    if (side === 'server') {
      if (!frame.pushed) this.#answer(messageOf(fields), found)
      return
    }
    if (frame.pushed) throw new Malformed('push of a client', 0)
    const message = messageOf(fields)
    if (frame.stream > this.#lastStream) this.#request(frame.stream, message, found)
    else if (message.pseudo.size > 0) throw new Malformed('second request on a stream', 0)
  }

  #reset(): void {
    if (++this.#resets > LIMITS.http2Resets.value)
      throw new Malformed('streams reset faster than answered', 0)
  }

  #request(stream: number, message: Message, found: Reading[]): void {
    if (stream % 2 === 0) throw new Malformed('request on a stream of the server', 0)
    this.#lastStream = stream
    this.#name('client', message.headers['user-agent']?.[0], found)
    const request = requestOf(message)
    this.#refinement.request(request, notesOf(message.headers), found)
    found.push({ kind: 'request', request })
  }

  #answer({ pseudo, headers }: Message, found: Reading[]): void {
    if (this.#resets > 0) this.#resets--
    this.#name('server', headers.server?.[0], found)
    this.#refinement.answer(notesOf(headers), found)
    const grpc = headers['grpc-status']?.[0]
    const status = pseudo.get(':status')
    if (status !== undefined) found.push(detail('status', status))
    if (grpc !== undefined) found.push(detail('status', `grpc ${grpc}`))
  }

  #name(side: Side, software: string | undefined, found: Reading[]): void {
    if (this.#named[side] || software === undefined) return
    this.#named[side] = true
    found.push(detail(side === 'client' ? 'client-software' : 'server-software', software))
  }
}
