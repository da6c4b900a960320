import { openDataplane, portGuard, TABLE, TABLE_NAME } from '@sekisho/dataplane'
import { openNftables } from '@sekisho/linux'
import { unchain } from './cni/chain.ts'
import { SYSTEM_TIMERS } from './timers.ts'

/**
 * Removes the kernel's tables and our plugin from the network's configuration, and nothing else: settings that were switched on (counting connections) may be
 * used by others by now.
 * @returns what was done, for a person.
 */
export async function uninstall(netns: string | undefined, cniConfig?: string): Promise<string> {
  // First, so that no new pod waits for rules that nobody makes any more.
  const unchained = cniConfig === undefined ? [] : await unchain(cniConfig)
  return [...unchained, await removeTables(netns)].join('\n')
}

async function removeTables(netns: string | undefined): Promise<string> {
  await using nft = openNftables({ netns })
  const where = netns === undefined ? '' : ` in network namespace ${netns}`
  if (nft.tableExists(TABLE_NAME, 'bridge')) await nft.run(portGuard([]))
  if (!nft.tableExists(TABLE_NAME)) return `nothing to remove: there is no table ${TABLE}${where}`
  await openDataplane({ nft, clock: SYSTEM_TIMERS }).uninstall()
  return `removed table ${TABLE}${where}; nothing is enforced any more`
}
