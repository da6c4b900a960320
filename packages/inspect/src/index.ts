export { latin1Between } from './ascii.ts'
export {
  type Confidence,
  Conversation,
  type Finding,
  type Identified,
} from './identify/conversation.ts'
export { type CustomProtocol, compileCustom, customProtocols } from './identify/custom.ts'
export { Identifier, type IdentifierOptions } from './identify/identifier.ts'
export { compileOverrides, type Overrides } from './identify/override.ts'
export { UNKNOWN, type WhyUnknown } from './identify/search.ts'
export { Inbox } from './inbox.ts'
export { checksumsHold } from './packet/checksum.ts'
export { buildDatagram } from './packet/datagram.ts'
export { flowKey, fromLower } from './packet/flow-key.ts'
export { IP_PROTOCOL, PacketHeader, TCP } from './packet/header.ts'
export { hasEnds, parsePacket, UNREAD, type Unread } from './packet/parse.ts'
export { buildSegment, type SegmentOf } from './packet/segment.ts'
export type { ConversationReader, Opening, Protocol, Recognition, Side } from './protocol.ts'
export { PROTOCOLS } from './protocols/index.ts'
export { DETAILS, type Detail, type NameAddress, type Reading } from './reading.ts'
export { StreamMemory } from './stream/memory.ts'
export {
  type Passage,
  STREAM_DROPS,
  STRICT,
  type StreamDrop,
  type StreamPolicy,
  TcpStream,
} from './stream/tcp-stream.ts'
