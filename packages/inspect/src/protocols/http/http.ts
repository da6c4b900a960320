import { LIMITS } from '@sekisho/core'
import { latin1, startsWith } from '../../ascii.ts'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import {
  certain,
  likely,
  MORE,
  NO,
  type Opening,
  type Protocol,
  type Recognition,
  type Side,
} from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { CLIENT_PREFACE, Http2Reader } from '../http2/http2.ts'
import { Http1Reader } from './http1.ts'

/*
 * HTTP over TCP in clear: HTTP/1 (RFC 9112) begins with a request line, HTTP/2 (RFC 9113 section 3.4) with a preface
 * that no HTTP/1 server would take for a request.
 */
/** Also one that no server should take, as in "GET HTTP/1.1": it is HTTP, and its reader says what is wrong with it. */
const REQUEST_LINE = /^(?:\r\n)?([^\r\n\0]*?) ?HTTP\/1\.[01]?\r?\n/
const VERSION_0_9 = /^(?:GET|HEAD|POST|PUT) \/[^\r\n]*\r?\n/
const BARE_REQUEST = likely('request without a version')
const BEGUN = /^(?:\r(?:\n|$))?(?:[A-Z][A-Za-z_-]{0,31}(?:[ /][^\r\n\0]*\r?)?)?$/
const STATUS_LINE = 'HTTP/1.'
const SETTINGS_FRAME = 4
const SHOWN = 40

function recognise({ client, server }: Opening): Recognition {
  const asked = ofClient(client)
  const answered = ofServer(server)
  if (asked.kind === 'no') return NO
  // The answer to a request without a version is bare, whatever it looks like (RFC 1945 section 6).
  if (answered.kind === 'no') return asked === BARE_REQUEST ? asked : NO
  if (asked.kind === 'certain') return asked
  return answered.kind === 'more' ? asked : answered
}

function ofClient(client: Uint8Array): Recognition {
  if (client.length === 0) return MORE
  switch (startsWith(client, CLIENT_PREFACE)) {
    case 'yes':
      return certain('preface "PRI * HTTP/2.0"')
    case 'more':
      return MORE
    case 'no':
  }
  const text = latin1(client, LIMITS.openingBytes.value)
  const line = REQUEST_LINE.exec(text)?.[1]
  if (line !== undefined) return certain(`request "${line.slice(0, SHOWN)}"`)
  if (VERSION_0_9.test(text)) return BARE_REQUEST
  // The first one to be seen is taken for the client, also where the beginning was missed.
  if (text.startsWith(STATUS_LINE)) return likely('answer "HTTP/1."')
  if (!BEGUN.test(text)) return NO
  return client.length < LIMITS.openingBytes.value ? MORE : likely('request line without an end')
}

function ofServer(server: Uint8Array): Recognition {
  if (server.length === 0) return MORE
  const status = startsWith(server, STATUS_LINE)
  if (status !== 'no') return status === 'yes' ? certain('answer "HTTP/1."') : MORE
  if (server.length < 9) return server[0] === 0 ? MORE : NO
  return isSettings(server) ? likely('frame of HTTP/2 settings') : NO
}

/** The first frame of an HTTP/2 server, on stream 0; each setting has six bytes. */
function isSettings(frame: Uint8Array): boolean {
  const [high = 0, middle = 0, low = 0, type, flags, ...stream] = frame.subarray(0, 9)
  const length = (high << 16) | (middle << 8) | low
  return (
    type === SETTINGS_FRAME &&
    flags === 0 &&
    length % 6 === 0 &&
    length < 1_024 &&
    stream.every(byte => byte === 0)
  )
}

/** Tells the versions apart and goes over from one to the other. */
class HttpReader implements BoldReader {
  readonly #beginning = new Inbox(CLIENT_PREFACE.length)
  #reader: BoldReader | undefined

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (this.#reader) this.#reader.read(side, bytes, found)
    else if (side === 'server') this.#begin(side, bytes, found)
    else this.#clientBegins(bytes, found)
  }

  leaveServer(): boolean {
    return this.#reader?.leaveServer?.() ?? false
  }

  #clientBegins(bytes: Uint8Array, found: Reading[]): void {
    this.#beginning.push(bytes)
    const said = this.#beginning.all()
    if (startsWith(said, CLIENT_PREFACE) === 'more') this.#beginning.keep()
    else this.#begin('client', said, found)
  }

  #begin(side: Side, said: Uint8Array, found: Reading[]): void {
    const isHttp2 =
      side === 'client' ? startsWith(said, CLIENT_PREFACE) === 'yes' : startsWith(said, STATUS_LINE) === 'no'
    if (isHttp2) found.push(detail('protocol-version', '2'))
    const reader = isHttp2 ? new Http2Reader() : this.#http1()
    this.#reader = reader
    // The client may have begun to speak, too little to tell its version by.
    if (side === 'server') reader.read('client', this.#beginning.all(), found)
    reader.read(side, said, found)
  }

  #http1(): BoldReader {
    return new Http1Reader((rest, readings) => {
      this.#reader = new Http2Reader({ upgraded: true })
      readings.push(detail('protocol-version', '2'))
      if (rest.length > 0) this.#reader.read('server', rest, readings)
    })
  }
}

export const http: Protocol = {
  application: 'http',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new HttpReader()),
}
