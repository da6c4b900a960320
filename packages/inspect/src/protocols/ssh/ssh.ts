import { latin1, startsWith } from '../../ascii.ts'
import { Inbox } from '../../inbox.ts'
import {
  type ConversationReader,
  certain,
  MORE,
  NO,
  type Opening,
  type Protocol,
  type Side,
} from '../../protocol.ts'
import { detail, NOTHING, type Reading, unreadable } from '../../reading.ts'

/*
 * SSH (RFC 4253 section 4.2): both sides begin with an identification line,
 *   SSH-protoversion-softwareversion SP comments CR LF     (at most 255 bytes; a server may send other lines before it)
 * then binary packets, soon encrypted.
 */
const LINE_BYTES = 255
const SIDES = ['client', 'server'] as const

function recognise(opening: Opening) {
  const answers = SIDES.map(side =>
    opening[side].length === 0 ? 'silent' : startsWith(opening[side], 'SSH-'),
  )
  if (answers.includes('no')) return NO
  return answers.includes('yes') ? certain('greeting "SSH-"') : MORE
}

class SshReader implements ConversationReader {
  readonly #inbox = { client: new Inbox(LINE_BYTES), server: new Inbox(LINE_BYTES) }
  readonly #waiting = new Set<Side>(SIDES)

  read(side: Side, bytes: Uint8Array): readonly Reading[] {
    if (!this.#waiting.has(side)) return NOTHING
    const inbox = this.#inbox[side]
    inbox.push(bytes)
    const end = inbox.all().indexOf(0x0a)
    if (end < 0) return inbox.keep() ? NOTHING : [unreadable('the identification line has no end')]
    this.#waiting.delete(side)
    const line = latin1(inbox.all().subarray(0, end)).trimEnd()
    return [...softwareOf(side, line), ...(this.#waiting.size === 0 ? [{ kind: 'opaque' } as const] : [])]
  }
}

function softwareOf(side: Side, line: string): readonly Reading[] {
  const [, version = '', software = ''] = /^SSH-([^-]*)-(.*)$/.exec(line) ?? []
  if (side === 'client') return [detail('client-software', software)]
  return [detail('server-software', software), detail('protocol-version', version)]
}

export const ssh: Protocol = {
  application: 'ssh',
  transports: ['TCP'],
  recognise,
  open: () => new SshReader(),
}
