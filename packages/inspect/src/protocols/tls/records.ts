import { Malformed } from '@sekisho/core'
import { Inbox } from '../../inbox.ts'

/*
 * Record (RFC 8446 section 5.1):  type(8) version(16) length(16) fragment
 * Handshake message (section 4):  type(8) length(24) body          whatever records it is cut into
 */
export const RECORD = { changeCipher: 20, alert: 21, handshake: 22, applicationData: 23 } as const
const HEADER_BYTES = 5
const MESSAGE_HEADER_BYTES = 4
/** RFC 5246 section 6.2.3: ciphertext may be 2,048 bytes longer than 2^14. */
const FRAGMENT_BYTES = 18_432

export interface TlsRecord {
  readonly type: number
  /** Valid only during the call. */
  readonly fragment: Uint8Array
}

/** Records of one side. */
export class Records {
  readonly #inbox = new Inbox(HEADER_BYTES + FRAGMENT_BYTES)

  push(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
  }

  next(): TlsRecord | undefined {
    const header = this.#inbox.peek(HEADER_BYTES)
    if (!header) return undefined
    const [type = 0, major, , high = 0, low = 0] = header
    const length = (high << 8) | low
    if (major !== 3 || type < RECORD.changeCipher || type > RECORD.applicationData)
      throw new Malformed('record that is none', 0)
    if (length > FRAGMENT_BYTES) throw new Malformed('record longer than is allowed', 0)
    const record = this.#inbox.take(HEADER_BYTES + length)
    return record && { type, fragment: record.subarray(HEADER_BYTES) }
  }

  /** Before the call returns whose bytes these are; a record is never longer than is held. */
  keep(): void {
    this.#inbox.keep()
  }
}

export interface HandshakeMessage {
  readonly type: number
  readonly body: Uint8Array
}

/** Handshake messages of one side, out of the fragments of records. */
export class HandshakeMessages {
  readonly #inbox: Inbox
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
    this.#inbox = new Inbox(limit + MESSAGE_HEADER_BYTES)
  }

  push(fragment: Uint8Array): void {
    // RFC 8446 section 5.1: fragments of length zero are not allowed; a flood of them would cost only us.
    if (fragment.length === 0) throw new Malformed('empty handshake record', 0)
    this.#inbox.push(fragment)
  }

  next(): HandshakeMessage | undefined {
    const header = this.#inbox.peek(MESSAGE_HEADER_BYTES)
    if (!header) return undefined
    const [type = 0, high = 0, middle = 0, low = 0] = header
    const length = (high << 16) | (middle << 8) | low
    if (length > this.#limit) throw new Malformed('handshake message longer than is held', 0)
    const message = this.#inbox.take(MESSAGE_HEADER_BYTES + length)
    return message && { type, body: message.subarray(MESSAGE_HEADER_BYTES) }
  }

  keep(): void {
    this.#inbox.keep()
  }
}
