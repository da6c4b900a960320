import type { Application } from '@sekisho/core'
import { copyOf } from './bytes.ts'
import type { BoldReader } from './guarded.ts'
import { Lines } from './lines.ts'
import type { Side } from './protocol.ts'
import type { Reading } from './reading.ts'

/** What one line is: something to tell, and what it does to the conversation. */
export interface Line {
  readonly readings?: readonly Reading[]
  /** The client asks for TLS: it begins when the server agrees. */
  readonly asks?: 'tls'
  /** The server answers what was asked for. */
  readonly agrees?: boolean
  /** From here on the side's bytes are no lines: the text of a mail, or something encrypted. */
  readonly ends?: 'opaque'
}

/** The words of a protocol in which a client sends commands on lines and a server answers on lines. */
export interface LineProtocol {
  command(line: string): Line
  answer(line: string): Line
}

const NOTHING: Line = Object.freeze({})

/** Follows a protocol of lines up to where it becomes TLS or stops being lines. */
export class CommandReader implements BoldReader {
  readonly #protocol: LineProtocol
  readonly #lines = { client: new Lines(), server: new Lines() }
  #asked: Application | undefined

  constructor(protocol: LineProtocol) {
    this.#protocol = protocol
  }

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    const lines = this.#lines[side]
    lines.push(bytes)
    for (let line = lines.next(); line !== undefined; line = lines.next()) {
      if (!this.#take(side, line, found)) return
    }
    lines.keep()
  }

  /** @returns false when nothing more is read. */
  #take(side: Side, text: string, found: Reading[]): boolean {
    const line = (side === 'client' ? this.#protocol.command(text) : this.#protocol.answer(text)) ?? NOTHING
    found.push(...(line.readings ?? []))
    if (line.ends) {
      found.push({ kind: 'opaque' })
      return false
    }
    if (side === 'client') this.#asked = line.asks
    else if (this.#asked !== undefined && line.agrees !== undefined) {
      const application = this.#asked
      this.#asked = undefined
      if (!line.agrees) return true
      found.push({ kind: 'detail', detail: 'encrypted', value: 'TLS' })
      found.push({ kind: 'becomes', application, rest: copyOf(this.#lines.server.rest()) })
      return false
    }
    return true
  }
}
