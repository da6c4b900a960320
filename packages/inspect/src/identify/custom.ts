import type { Brand, Transport } from '@sekisho/core'
import type { ConversationReader, Opening, Recognition } from '../protocol.ts'

/** The name of an application that a user defined; never one that is built in. */
export type CustomApplication = Brand<string, 'CustomApplication'>

/** An application that a user defined: it has a name and nothing beyond it is read. */
export interface CustomProtocol {
  readonly application: CustomApplication
  readonly transports: readonly Transport[]
  recognise(opening: Opening): Recognition
  readonly open?: (transport: Transport) => ConversationReader
}
