import type { RuleTable } from '../table.ts'
import { RESOLVER_PORTS } from './chain.ts'
import { holds, type PacketQuery } from './interpreter.ts'

/** Whether what the destination answers tells the source's rules where names lead. */
export function isResolver(table: RuleTable, { source, destination, protocol, port }: PacketQuery): boolean {
  if (protocol !== 'TCP' && protocol !== 'UDP') return false
  if (!RESOLVER_PORTS.some(([first, last]) => first <= port && port <= last)) return false
  const peer = { ip: destination, service: '' }
  return [...table.attachments.values()]
    .filter(({ addresses }) => addresses.includes(source))
    .flatMap(({ enforce, audit }) => [enforce.egress, audit.egress])
    .some(id => id !== undefined && table.chains.get(id)?.resolvers?.some(set => holds(table, set, peer)))
}
