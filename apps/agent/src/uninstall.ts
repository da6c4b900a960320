import { openDataplane, portGuard, TABLE, TABLE_NAME } from '@sekisho/dataplane'
import { openNftables } from '@sekisho/linux'
import { type Unchained, unchain } from './cni/chain.ts'
import { SYSTEM_TIMERS } from './timers.ts'

/**
 * Removes the kernel's tables and our plugin from the network's configuration, and nothing else: settings that were switched on (counting connections) may be
 * used by others by now.
 * @param cniConfig folder of network configurations; undefined: those of the node are not this agent's.
 * @returns what was done, for a person.
 * @throws where the plugin stays: new pods would wait for nobody.
 */
export async function uninstall(netns: string | undefined, cniConfig: string | undefined): Promise<string> {
  // First, so that no new pod waits for rules that nobody makes any more.
  const { removed, stays } = cniConfig === undefined ? NOTHING : await unchain(cniConfig)
  const said = [...removed, await removeTables(netns)].join('\n')
  if (stays.length > 0) throw new Error([said, ...stays].join('\n'))
  return said
}

const NOTHING: Unchained = { removed: [], stays: [] }

async function removeTables(netns: string | undefined): Promise<string> {
  await using nft = openNftables({ netns })
  const where = netns === undefined ? '' : ` in network namespace ${netns}`
  if (nft.tableExists(TABLE_NAME, 'bridge')) await nft.run(portGuard([]))
  if (!nft.tableExists(TABLE_NAME)) return `nothing to remove: there is no table ${TABLE}${where}`
  await openDataplane({ nft, clock: SYSTEM_TIMERS }).uninstall()
  return `removed table ${TABLE}${where}; nothing is enforced any more`
}
