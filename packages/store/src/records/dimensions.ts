import type { EpochMs, Flow, FlowEnd, WorkloadId } from '@sekisho/core'
import type { Database } from '../database.ts'
import { endKey, type Inventory, type VersionSince } from './inventory.ts'

/** Ids remembered in memory. Beyond it all are forgotten and looked up again: a scan must not fill the heap. */
const REMEMBERED = 200_000
const HOUR = 3_600_000

interface Known {
  readonly id: number
  /** Last hour written to the row. */
  seen: number
}
interface EndName {
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly ownerKind: string
}

const ADD_END = `INSERT INTO ends (version, workload, ip, key, namespace, name, owner_kind, seen)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET seen = max(seen, excluded.seen) RETURNING id`
const ADD_EDGE = `INSERT INTO edges
  (source, destination, protocol, port, application, outcome, direction, decided_by, why, seen)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET seen = max(seen, excluded.seen) RETURNING id`

/** Finds or makes the rows that flow records point to. Hot: most flows are answered from memory. */
export class Dimensions {
  readonly #database: Database
  readonly #inventory: Inventory
  readonly #versions = new Map<WorkloadId, readonly VersionSince[]>()
  readonly #names = new Map<number, EndName>()
  readonly #ends = new Map<string, Known>()
  readonly #edges = new Map<string, Known>()
  #memory = ''

  constructor(database: Database, inventory: Inventory) {
    this.#database = database
    this.#inventory = inventory
  }

  /** Call at the start of a transaction. @param stale the inventory changed, so versions must be read again. */
  begin(stale: boolean): void {
    const memory = this.#database.memory()
    const full = this.#ends.size > REMEMBERED || this.#edges.size > REMEMBERED
    if (memory !== this.#memory || full) {
      this.#ends.clear()
      this.#edges.clear()
      this.#names.clear()
    }
    // Opening a version also moves ends that were known by name only; their texts of old are no longer asked for.
    if (stale || memory !== this.#memory || this.#versions.size > REMEMBERED) this.#versions.clear()
    this.#memory = memory
  }

  edge(flow: Flow): number {
    const { protocol, port, outcome, why } = flow
    const source = this.#end(flow.source, flow.last)
    const destination = this.#end(flow.destination, flow.last)
    const [application, direction, by] = [flow.application ?? '', flow.direction ?? '', flow.by ?? '']
    const key = `${source}|${destination}|${protocol}|${port}|${outcome}|${why}|${direction}|${by}|${application}`
    const hour = Math.floor(flow.last / HOUR)
    const known = this.#edges.get(key)
    if (known && known.seen >= hour) return known.id
    const row = this.#database
      .prepare(ADD_EDGE)
      .get(source, destination, protocol, port, application, outcome, direction, by, why, hour)
    const id = Number(row?.id)
    this.#edges.set(key, { id, seen: hour })
    return id
  }

  #end(end: FlowEnd, at: EpochMs): number {
    const version = end.workload === undefined ? 0 : this.#version(end.workload, at)
    const key = `${version}|${end.workload ?? ''}|${end.ip}`
    const hour = Math.floor(at / HOUR)
    const known = this.#ends.get(key)
    if (known && known.seen >= hour) return known.id
    const id = this.#addEnd(end, version, hour)
    this.#ends.set(key, { id, seen: hour })
    return id
  }

  /**
   * The version that was current at that time: a spooled flow may be older than the labels of today. Before the
   * first report it is the first one; 0 when nobody reported the workload.
   */
  #version(id: WorkloadId, at: EpochMs): number {
    let versions = this.#versions.get(id)
    if (versions === undefined) {
      versions = this.#inventory.versions(id)
      this.#versions.set(id, versions)
    }
    return (versions.find(({ since }) => since <= at) ?? versions.at(-1))?.version ?? 0
  }

  #addEnd({ workload, ip }: FlowEnd, version: number, hour: number): number {
    const end = workload === undefined ? outside(ip) : (this.#reported(version) ?? named(workload))
    const row = this.#database
      .prepare(ADD_END)
      .get(version, workload ?? '', ip, end.key, end.namespace, end.name, end.ownerKind, hour)
    return Number(row?.id)
  }

  /** What a version's report says; undefined for a workload that nobody reported. */
  #reported(version: number): EndName | undefined {
    const known = this.#names.get(version)
    const workload = known || version === 0 ? undefined : this.#inventory.version(version)?.workload
    if (!workload) return known
    const { namespace, owner } = workload
    const name = { key: endKey(workload), namespace, name: owner.name, ownerKind: owner.kind }
    this.#names.set(version, name)
    return name
  }
}

const outside = (ip: string): EndName => ({ key: ip, namespace: '', name: ip, ownerKind: '' })

/** Of a workload that no node has reported yet only the id is known: `kind:namespace/name`. */
function named(id: WorkloadId): EndName {
  const [kind, rest] = split(id, ':')
  const [namespace, name] = split(rest, '/')
  return { key: `${namespace}/${name}`, namespace, name, ownerKind: kind }
}

const split = (text: string, separator: string): [string, string] => {
  const at = text.indexOf(separator)
  return at < 0 ? ['', text] : [text.slice(0, at), text.slice(at + 1)]
}
