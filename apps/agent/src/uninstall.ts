import { openDataplane, portGuard, TABLE, TABLE_NAME } from '@sekisho/dataplane'
import { openNftables } from '@sekisho/linux'
import { SYSTEM_TIMERS } from './timers.ts'

/**
 * Removes the kernel's tables, and nothing else: settings that were switched on (counting connections) may be
 * used by others by now.
 * @returns what was done, for a person.
 */
export async function uninstall(netns: string | undefined): Promise<string> {
  await using nft = await openNftables({ netns })
  const where = netns === undefined ? '' : ` in network namespace ${netns}`
  if (nft.tableExists(TABLE_NAME, 'bridge')) await nft.run(portGuard([]))
  if (!nft.tableExists(TABLE_NAME)) return `nothing to remove: there is no table ${TABLE}${where}`
  await openDataplane({ nft, clock: SYSTEM_TIMERS }).uninstall()
  return `removed table ${TABLE}${where}; nothing is enforced any more`
}
