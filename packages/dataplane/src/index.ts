export * from './dataplane.ts'
export { createDurations, type Durations } from './durations.ts'
export { createFlowLog, type DeniedCounts, type FlowLog, type FlowLogOptions } from './flow-log/flow-log.ts'
export type { TermsData, Told } from './inspection/inspection.protocol.ts'
export { type Inspection, type InspectionOptions, openInspection } from './inspection/inspection.ts'
export {
  type ConversationEnds,
  Inspector,
  type InspectorOptions,
  type NotInspected,
  type OfferedPacket,
  type Terms,
  type Treatment,
} from './inspection/inspector.ts'
export { QueueLoop, type QueueLoopOptions, type QueueNumbers } from './inspection/queue-loop.ts'
export type { CountedRequests, RequestName } from './inspection/request-tally.ts'
export { type AskPolicy, type Notice, type Step, Watch, type WatchOptions } from './inspection/watch.ts'
export { MARK_MASK, readMark, type Stamp } from './mark.ts'
export { isInterfaceName, type LogReason, parsePrefix, TABLE, TABLE_NAME } from './names.ts'
export { createRuleset, type Ruleset, type RulesetSize } from './ruleset.ts'
export { LOG_GROUP } from './skeleton.ts'
export { type Command, script } from './transaction.ts'
