export * from './dataplane.ts'
export { createDurations, type Durations } from './durations.ts'
export { createFlowLog, type DeniedCounts, type FlowLog, type FlowLogOptions } from './flow-log/flow-log.ts'
export { pauseAfter } from './flow-log/pace.ts'
export { type ConnectionMarks, unusedGeneration } from './generations.ts'
export type { ServiceEnd } from './identified-services.ts'
export { type DomainLists, readDomainLists } from './inspection/domain-lists.ts'
export type { TermsData, Told } from './inspection/inspection.protocol.ts'
export { type Inspection, type InspectionOptions, openInspection } from './inspection/inspection.ts'
export type { ConversationEnds, NotInspected } from './inspection/inspector.ts'
export type { CountedRequests, RequestName } from './inspection/request-tally.ts'
export type { Notice } from './inspection/watch.ts'
export { MARK_MASK, PACKET_MARK, readMark, type Stamp } from './mark.ts'
export { isInterfaceName, type LogReason, parsePrefix, TABLE, TABLE_NAME } from './names.ts'
export {
  type AnsweredAddress,
  type BookEntry,
  NameBook,
  type NameBookOptions,
} from './names-seen/name-book.ts'
export { NamesSeen, type NamesSeenOptions } from './names-seen/names-seen.ts'
export { PORT_TABLE, type Port, portGuard } from './port-guard.ts'
export type { InspectionRules } from './queue-chains.ts'
export { firstQueue, type QueueNumbers, type QueueRange, queueNumbers } from './queues.ts'
export { createRuleset, type Ruleset, type RulesetSize } from './ruleset.ts'
export { LOG_GROUP } from './skeleton.ts'
export { type Command, script } from './transaction.ts'
