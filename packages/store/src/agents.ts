import type { AgentStatus, Clock, EpochMs, NodeName } from '@sekisho/core'
import type { AgentRecord, Agents } from './api.ts'
import type { Database } from './database.ts'
import { sawAgent } from './records/ingest.ts'
import type { Inventory } from './records/inventory.ts'

const JOINED = 'SELECT public_key, joined_at FROM agents WHERE node = ?'
const REVISIONS = `SELECT node, json_extract(status, '$.revision') AS revision FROM agent_status
  WHERE json_extract(status, '$.history') = ?`
/** Who sends batches was heard of anyway; a write for each stream beside them would be one more for the disk. */
const HEARD_MS = 20_000
const HEARD = 'SELECT 1 FROM agent_status WHERE node = ? AND last_seen > ?'

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

  joined(node: NodeName): Pick<AgentRecord, 'publicKey' | 'joinedAt'> | undefined {
    const row = this.#database.prepare(JOINED).get(node)
    // As `join` wrote them.
    return row && { publicKey: String(row.public_key), joinedAt: Number(row.joined_at) as EpochMs }
  }

  revisions(history: string): ReadonlyMap<NodeName, number> {
    const rows = this.#database.prepare(REVISIONS).all(history)
    // As ingest wrote them.
    return new Map(rows.map(({ node, revision }) => [String(node) as NodeName, Number(revision)]))
  }

  list(): readonly AgentRecord[] {
    return this.#database.all(this.#agents().orderBy('agents.node')).map(record)
  }

  seen(node: NodeName): void {
    const now = this.#clock.now()
    if (!this.#database.prepare(HEARD).get(node, now - HEARD_MS)) sawAgent(this.#database, node, now)
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
