import type { Clock, RuleId } from '@sekisho/core'
import type { NftOperation } from '@sekisho/linux'
import type { RuleTable, TableChange } from '@sekisho/policy'
import { isEmptyChange } from '@sekisho/policy/enforcement'
import { createDurations } from './durations.ts'
import { type ConnectionMarks, Generations } from './generations.ts'
import { addServices, IdentifiedServices, type ServiceEnd } from './identified-services.ts'
import { counterName, type Role, TABLE_NAME } from './names.ts'
import type { InspectionRules } from './queue-chains.ts'
import { createRuleset, type Ruleset, type RulesetSize } from './ruleset.ts'
import { type Command, REMOVE_TABLE } from './transaction.ts'

export interface RuleCounters {
  readonly packets: number
  readonly bytes: number
}

/** What the data plane needs of nftables: one transaction at a time, all or nothing. */
export interface NftPort {
  commit(table: string, operations: readonly NftOperation[]): void | Promise<void>
  counters(table: string): Promise<ReadonlyMap<string, RuleCounters>>
}

export interface DataplaneOptions {
  readonly nft: NftPort
  readonly clock: Clock
  /** Told of each transaction that the kernel refused; a full rebuild follows by itself. */
  readonly onError?: (error: unknown) => void
  /** The generation before the first; default: random. `unusedGeneration` finds one that no mark is of. */
  readonly generation?: number
  /** Absent: nothing is inspected, and what is open is decided as if the rules that ask were not there. */
  readonly inspection?: DataplaneInspection
  /** Absent: a mark whose generation comes again, after all others, counts as given in it. */
  readonly connections?: ConnectionMarks
}

export interface DataplaneInspection extends InspectionRules {
  /**
   * Resolves when no thread decides by what was before. It is waited for before the kernel gets a new generation:
   * what is released afterwards is stamped with it, and must have been judged by it.
   */
  revise(): Promise<void>
}

export interface DataplaneStats extends RulesetSize {
  /** Transactions the kernel committed. */
  readonly programs: number
  /** Transactions it refused. */
  readonly programErrors: number
  readonly rebuilds: number
  /** Milliseconds from the call to the kernel's commit, over the last 1,024. */
  readonly programMs: { readonly p50: number; readonly p99: number }
}

export interface Counters {
  /**
   * What each rule let pass or denied, in Enforce and in Audit. Counted once per connection and generation; what is let
   * pass in Enforce once per edge, generation and minute.
   */
  readonly enforce: ReadonlyMap<RuleId, RuleCounters>
  readonly audit: ReadonlyMap<RuleId, RuleCounters>
  /** Packets that were, or should have been, logged as denied and as audited. */
  readonly denied: number
  readonly audited: number
  /** Packets with a forged source, without a connection, and of connections already denied. */
  readonly spoofed: RuleCounters
  readonly invalid: RuleCounters
  readonly stopped: RuleCounters
  /** Packets to a workload's address that were on their way to another interface. */
  readonly misplaced: RuleCounters
  /** Packets that were queued to be inspected, and those with which a connection left the queue. */
  readonly queued: RuleCounters
  readonly released: RuleCounters
}

export interface Dataplane {
  /** Makes the kernel equal to the table, whatever it had, in one transaction. */
  sync(table: RuleTable): Promise<void>
  /** Follows one change; on any error the whole table is built anew. @throws when that fails too. */
  update(table: RuleTable, change: TableChange): Promise<void>
  /** The applications of these services are known: for an hour, their connections are not read for that. */
  identified(services: readonly ServiceEnd[]): Promise<void>
  /** Leaves nothing behind. */
  uninstall(): Promise<void>
  counters(): Promise<Counters>
  /** The rule behind the key of a logged packet's prefix. */
  ruleOf(role: Role, key: string): RuleId | undefined
  readonly stats: DataplaneStats
}

const ZERO: RuleCounters = { packets: 0, bytes: 0 }
const EMPTY_SIZE: RulesetSize = { chains: 0, rules: 0, sets: 0, elements: 0 }

class NftDataplane implements Dataplane {
  readonly #options: DataplaneOptions
  readonly #durations = createDurations()
  readonly #generations: Generations
  readonly #services = new IdentifiedServices()
  #ruleset: Ruleset | undefined
  /** The one writer: every operation waits for the one before. */
  #last: Promise<unknown> = Promise.resolve()
  /** Raised by each rebuild: what was waiting then is already part of it. */
  #epoch = 0
  /** The kernel is not what the ruleset thinks: only a rebuild may follow. */
  #astray = false
  #programs = 0
  #errors = 0
  #rebuilds = 0

  constructor(options: DataplaneOptions) {
    this.#options = options
    this.#generations = new Generations(options.generation)
  }

  sync(table: RuleTable): Promise<void> {
    this.#ruleset = createRuleset(table, this.#generations.raise(), this.#options.inspection)
    this.#astray = true
    return this.#enqueue([], true)
  }

  /** Rendered at once, since the table is the caller's and may have moved on when its turn comes. */
  update(table: RuleTable, change: TableChange): Promise<void> {
    if (!this.#ruleset) return this.sync(table)
    if (isEmptyChange(change)) return this.#inOrder(() => Promise.resolve())
    let commands: Command[] | undefined
    try {
      const generation = change.isLasting ? this.#generations.current : this.#generations.raise()
      commands = this.#ruleset.update(table, change, generation)
    } catch (error) {
      this.#failed(error)
      return this.sync(table)
    }
    this.#astray ||= commands === undefined
    return this.#enqueue(commands ?? [], change.isLasting !== true)
  }

  identified(services: readonly ServiceEnd[]): Promise<void> {
    if (this.#options.inspection?.identify !== 'services') return Promise.resolve()
    return this.#inOrder(async () => {
      const added = this.#services.add(services, this.#options.clock.monotonic())
      if (added.length === 0 || !this.#ruleset || this.#astray) return
      try {
        await this.#options.nft.commit(TABLE_NAME, addServices(added))
      } catch (error) {
        // Their connections go on being read; the table is as it was.
        this.#failed(error)
      }
    })
  }

  uninstall(): Promise<void> {
    this.#ruleset = undefined
    this.#epoch++
    return this.#inOrder(() => this.#commit(REMOVE_TABLE))
  }

  async counters(): Promise<Counters> {
    const all = await this.#options.nft.counters(TABLE_NAME)
    const roles = { enforce: new Map<RuleId, RuleCounters>(), audit: new Map<RuleId, RuleCounters>() }
    const denials = { enforce: 0, audit: 0 }
    for (const { name, rule } of this.#ruleset?.counters.values() ?? []) {
      const value = all.get(name)
      if (!rule || !value) continue
      roles[rule.role].set(rule.id, value)
      if (rule.denies) denials[rule.role] += value.packets
    }
    const named = (name: string): RuleCounters => all.get(name) ?? ZERO
    const spoofed = named('spoofed')
    return {
      ...roles,
      denied: denials.enforce + spoofed.packets,
      audited: denials.audit,
      spoofed,
      invalid: named('invalid'),
      stopped: named('stopped'),
      misplaced: named('misplaced'),
      queued: named('queued'),
      released: named('released'),
    }
  }

  ruleOf(role: Role, key: string): RuleId | undefined {
    return this.#ruleset?.counters.get(counterName(role, key))?.rule?.id
  }

  get stats(): DataplaneStats {
    return {
      ...(this.#ruleset?.size() ?? EMPTY_SIZE),
      programs: this.#programs,
      programErrors: this.#errors,
      rebuilds: this.#rebuilds,
      programMs: { p50: this.#durations.percentile(0.5), p99: this.#durations.percentile(0.99) },
    }
  }

  #failed(error: unknown): void {
    this.#errors++
    this.#options.onError?.(error)
  }

  #inOrder(operation: () => Promise<void>): Promise<void> {
    const result = this.#last.then(operation)
    this.#last = result.catch(() => undefined) // The caller has `result`; the next operation only waits.
    return result
  }

  /** @param anew whether connections are judged anew. */
  #enqueue(commands: readonly Command[], anew: boolean): Promise<void> {
    const { clock } = this.#options
    const start = clock.monotonic()
    const epoch = this.#epoch
    return this.#inOrder(async () => {
      if (epoch !== this.#epoch) return
      if (anew) await this.#options.inspection?.revise()
      await this.#program(commands)
      this.#durations.add(clock.monotonic() - start)
      await this.#forget()
    })
  }

  async #forget(): Promise<void> {
    const { connections } = this.#options
    try {
      if (connections) await this.#generations.forget(connections)
    } catch (error) {
      this.#failed(error)
    }
  }

  async #program(commands: readonly Command[]): Promise<void> {
    if (!this.#astray) {
      try {
        return await this.#commit(commands)
      } catch (error) {
        this.#failed(error)
        this.#astray = true
      }
    }
    await this.#rebuild()
  }

  async #rebuild(): Promise<void> {
    const { clock } = this.#options
    if (!this.#ruleset) return
    this.#epoch++
    this.#rebuilds++
    try {
      await this.#commit(this.#ruleset.rebuild(), addServices(this.#services.all(clock.monotonic())))
      this.#astray = false
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  async #commit(commands: readonly Command[], more: readonly NftOperation[] = []): Promise<void> {
    const operations = commands.map(command => command.operation())
    await this.#options.nft.commit(TABLE_NAME, [...operations, ...more])
    this.#programs++
  }
}

/**
 * Keeps the kernel's table `inet sekisho` equal to the compiled one. Nothing is installed before the first `sync`,
 * and what is installed stays when the process ends.
 */
export const openDataplane = (options: DataplaneOptions): Dataplane => new NftDataplane(options)
