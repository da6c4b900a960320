export { Inbox } from './inbox.ts'
export type { ConversationReader, Opening, Protocol, Recognition, Side } from './protocol.ts'
export { PROTOCOLS } from './protocols/index.ts'
export { DETAILS, type Detail, type NameAddress, type Reading } from './reading.ts'
