import type { EpochMs } from '@sekisho/core'
import type { Message } from '../protocols/dns/message.ts'

/** Who asks whom. */
export interface DnsEnds {
  readonly client: string
  readonly clientPort: number
  readonly resolver: string
}

/** A whole message as it was read. */
export interface DnsMessage extends DnsEnds {
  readonly message: Message
  /** Of the message. */
  readonly bytes: number
  readonly at: EpochMs
}
