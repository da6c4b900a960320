import type { AgentStatus, Clock, EpochMs, NodeName } from '@sekisho/core'
import type { AgentRecord, Agents } from './api.ts'
import type { Database } from './database.ts'
import { sawAgent } from './records/ingest.ts'
import type { Inventory } from './records/inventory.ts'

interface Row {
  readonly node: string
  readonly public_key: string
  readonly certificate_serial: string
  readonly joined_at: number
  readonly last_seen: number | null
  readonly status: string | null
}

/** The column types of SQLite end here: `join` and ingest wrote each from the type it is given back as. */
const record = (row: Row): AgentRecord => ({
  node: row.node as NodeName,
  publicKey: row.public_key,
  certificateSerial: row.certificate_serial,
  joinedAt: row.joined_at as EpochMs,
  lastSeen: (row.last_seen ?? undefined) as EpochMs | undefined,
  status: row.status === null ? undefined : (JSON.parse(row.status) as AgentStatus),
})

class AgentTable implements Agents {
  readonly #database: Database
  readonly #clock: Clock
  readonly #inventory: Inventory

  constructor(database: Database, clock: Clock, inventory: Inventory) {
    this.#database = database
    this.#clock = clock
    this.#inventory = inventory
  }

  join(agent: Parameters<Agents['join']>[0]): AgentRecord {
    const { node, publicKey, certificateSerial, joinedAt = this.#clock.now() } = agent
    const row = { public_key: publicKey, certificate_serial: certificateSerial, joined_at: joinedAt }
    this.#database.run(
      this.#database.build
        .insertInto('agents')
        .values({ node, ...row })
        .onConflict(conflict => conflict.column('node').doUpdateSet(row)),
    )
    return this.get(node) ?? record({ node, ...row, last_seen: null, status: null })
  }

  get(node: NodeName): AgentRecord | undefined {
    const row = this.#database.first(this.#agents().where('agents.node', '=', node))
    return row && record(row)
  }

  list(): readonly AgentRecord[] {
    return this.#database.all(this.#agents().orderBy('agents.node')).map(record)
  }

  seen(node: NodeName): void {
    sawAgent(this.#database, node, this.#clock.now())
  }

  remove(node: NodeName): boolean {
    return this.#database.transaction(() => {
      this.#inventory.end(node, this.#clock.now())
      this.#database.run(this.#database.build.deleteFrom('agent_status').where('node', '=', node))
      return this.#database.run(this.#database.build.deleteFrom('agents').where('node', '=', node)) > 0
    })
  }

  #agents() {
    return this.#database.build
      .selectFrom('agents')
      .leftJoin('agent_status', 'agent_status.node', 'agents.node')
      .select(['agents.node', 'public_key', 'certificate_serial', 'joined_at', 'last_seen', 'status'])
  }
}

export const openAgents = (database: Database, clock: Clock, inventory: Inventory): Agents =>
  new AgentTable(database, clock, inventory)
