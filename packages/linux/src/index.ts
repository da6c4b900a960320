export { addressText } from './address-text.ts'
export { withPrograms } from './bpf.ts'
export * from './guests.ts'
export { errnoName, SystemError } from './libc.ts'
export * from './lock.ts'
export * from './netfilter/conntrack.ts'
export type {
  ConntrackEntry,
  ConntrackEvent,
  Counters,
  Tuple,
} from './netfilter/conntrack-message.ts'
export * from './netfilter/nflog.ts'
export type { LoggedPacket } from './netfilter/nflog-message.ts'
export type * from './netfilter/nft/operation.ts'
export * from './netfilter/nft/transactions.ts'
export { type Nftables, type NftablesOptions, NftError, openNftables } from './netfilter/nftables.ts'
export type { ObjectCounters, RulesetFamily } from './netfilter/nftables-netlink.ts'
export type { QueuedPacket } from './netfilter/queue/packet.ts'
export {
  openPacketQueue,
  type PacketQueue,
  type QueueDefinition,
  type QueueOptions,
} from './netfilter/queue/packet-queue.ts'
export type { Verdict as QueueVerdict } from './netfilter/queue/verdict.ts'
export * from './netns.ts'
export * from './packet.ts'
export { type ContainerName, type ContainerRuntime, containerOf, serviceOf } from './proc/cgroup.ts'
export { packetQueues, type QueueCounts } from './proc/queue-table.ts'
export * from './proc/sandboxes.ts'
export * from './proc/services.ts'
export type { ListeningSocket } from './proc/socket-table.ts'
export { openRawPackets, type RawPackets } from './raw-packets.ts'
export * from './rtnetlink.ts'
export type { Address, Link, Route } from './rtnetlink-message.ts'
export * from './sysctl.ts'
export * from './wake.ts'
