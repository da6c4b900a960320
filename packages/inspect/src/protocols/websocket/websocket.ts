import { Malformed } from '@sekisho/core'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { MORE, NO, type Opening, type Protocol, type Recognition, type Side } from '../../protocol.ts'
import type { Reading } from '../../reading.ts'

/*
 * WebSocket (RFC 6455 section 5.2), which begins as HTTP and so is never recognised by its own bytes:
 *   FIN(1) reserved(3) opcode(4) mask(1) length(7) …     a client masks, a server does not (section 5.1)
 */
const HEADER_BYTES = 2
const MASK_BIT = 0x80
const FINAL_BIT = 0x80
const LONGEST_CONTROL = 125
const CONTINUATION = 0
const CONTROL = 8
const OPCODES: ReadonlySet<number> = new Set([CONTINUATION, 1, 2, CONTROL, 9, 10])

const recognise = ({ client, server }: Opening): Recognition =>
  client.length + server.length === 0 ? MORE : NO

/** Sees that both sides speak what they agreed on, by the first frame of each; messages are not of interest. */
class WebSocketReader implements BoldReader {
  readonly #inboxes = { client: new Inbox(HEADER_BYTES), server: new Inbox(HEADER_BYTES) }
  readonly #waiting = new Set<Side>(['client', 'server'])

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (!this.#waiting.has(side)) return
    const inbox = this.#inboxes[side]
    inbox.push(bytes)
    const header = inbox.peek(HEADER_BYTES)
    if (!header) {
      inbox.keep()
      return
    }
    checkFrame(side, header)
    this.#waiting.delete(side)
    if (this.#waiting.size === 0) found.push({ kind: 'opaque' })
  }
}

function checkFrame(side: Side, [first = 0, second = 0]: Uint8Array): void {
  const opcode = first & 0x0f
  const isControl = opcode >= CONTROL
  const fits = !isControl || (first & FINAL_BIT && (second & ~MASK_BIT) <= LONGEST_CONTROL)
  // The first of all frames continues none.
  if (!OPCODES.has(opcode) || opcode === CONTINUATION || !fits) throw new Malformed('frame that is none', 0)
  if (((second & MASK_BIT) !== 0) !== (side === 'client')) throw new Malformed('mask of the wrong side', 1)
}

export const websocket: Protocol = {
  application: 'websocket',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new WebSocketReader()),
}
