import type { Clock } from '@sekisho/core'
import { openAccounts } from './accounts.ts'
import { openAgents } from './agents.ts'
import type { Store } from './api.ts'
import { openAudit } from './audit.ts'
import { Database } from './database.ts'
import { openPolicies } from './policies.ts'
import { Inventory } from './records/inventory.ts'
import { openRecords } from './records/records.ts'
import { Rollups } from './records/rollups.ts'
import { openRetention } from './retention.ts'
import { openState } from './state.ts'

export interface StoreOptions {
  /** The database file, made when it is not there (mode 0600); `:memory:` for tests. */
  readonly path: string
  readonly clock: Clock
  /** For a second connection beside one that is open: what writes fails, and a transaction is one moment's view. */
  readonly readOnly?: boolean
}

/**
 * Opens the file and brings it to the newest version. Other processes may have it open at the same time.
 * @throws SekishoError `unavailable` when it is from a newer Sekisho or of another program.
 */
export function openStore({ path, clock, readOnly = false }: StoreOptions): Store {
  const database = new Database(path, { readOnly })
  const inventory = new Inventory(database)
  const rollups = new Rollups(database)
  return {
    records: openRecords({ database, clock, inventory, rollups }),
    state: openState(database, inventory),
    policies: openPolicies(database, clock),
    accounts: openAccounts(database, clock),
    agents: openAgents(database, clock, inventory),
    audit: openAudit(database, clock),
    retention: openRetention(database, clock, rollups),
    rollups: { step: () => rollups.step(clock) },
    transaction: work => database.transaction(work),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  }
}
