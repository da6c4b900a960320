import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { EpochMs } from '@sekisho/core'
import { type ConversationEnds, NameBook, NamesSeen, type TermsData } from '@sekisho/dataplane'
import { type Conntrack, openConntrack } from '@sekisho/linux'
import {
  createModel,
  createTableCompiler,
  isResolver,
  type Model,
  type ModelChange,
  residual,
  type TableCompiler,
} from '@sekisho/policy'
import { expect } from 'vitest'
import { NODE } from '../dataplane/node.ts'
import { buildTopology, type Topology } from '../topology.ts'
import { type InspectedNode, inspectForwarded } from './queued.ts'

const run = promisify(execFile)

/** A node that knows names, as the agent runs it, short of the agent. */
export class NamingNode implements AsyncDisposable {
  readonly topology: Topology
  readonly model: Model = createModel()
  /** Why conversations were stopped, in order. */
  readonly denials: string[] = []
  readonly #ended = new Set<string>()
  readonly #conntrack: Conntrack
  #skipped = 0
  #book = this.#newBook()
  #compiler: TableCompiler
  #names: NamesSeen
  #inspected: InspectedNode | undefined

  constructor(prefix: string, pods: readonly string[]) {
    this.topology = buildTopology({ prefix, pods })
    this.#conntrack = openConntrack({
      netns: this.topology.node,
      onEvent: () => undefined,
      onLost: () => undefined,
      onFailed: error => expect.fail(error.message),
    })
    this.#compiler = this.#newCompiler()
    this.#names = this.#newNames()
  }

  get book(): NameBook {
    return this.#book
  }
  get names(): NamesSeen {
    return this.#names
  }

  #newBook(): NameBook {
    const now = () => (Date.now() + this.#skipped) as EpochMs // milliseconds after another time
    return new NameBook({ clock: { now }, minimumTtl: 60, grace: 30 })
  }

  #newCompiler(): TableCompiler {
    const node = { name: NODE, addresses: this.topology.nodeAddresses }
    return createTableCompiler(this.model, node, { names: this.#book })
  }

  #newNames(): NamesSeen {
    return new NamesSeen({
      book: this.#book,
      asksFor: name => this.#compiler.asksFor(name),
      program: async moves => {
        await this.#required().dataplane.update(this.#compiler.table, this.#compiler.learn(moves))
      },
      renamed: async addresses => this.#inspected?.inspection.renamed(addresses),
      inUse: addresses => this.#inUse(addresses),
    })
  }

  async #inUse(addresses: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    await this.#conntrack.visit(({ reply }) => {
      if (addresses.has(reply.source)) found.add(reply.source)
    })
    return found
  }

  async open(change: ModelChange): Promise<void> {
    this.#compiler.update(this.model.update(change))
    this.#inspected = await inspectForwarded(this.topology.node, this.model, {
      compiler: this.#compiler,
      // Two threads: what one learns, the other must know.
      rules: { identify: 'off', queues: { first: 40, workers: 2 } },
      terms: ends => this.#terms(ends),
      onAnswer: names => this.#names.answered(names),
      onTold: told => {
        for (const { ends, notice } of told)
          if (notice.kind === 'denied') this.#denied(ends, notice.answer.enforced.why)
      },
      onRequests: () => undefined,
      onLost: count => expect.fail(`${count} notices lost`),
      onFailed: error => expect.fail(error.message),
    })
  }

  /** What was denied is denied again by each generation, in which it may be for another reason. */
  #denied({ client, clientPort, server, port }: ConversationEnds, why: string): void {
    const ends = `${client} ${clientPort} ${server} ${port}`
    if (this.#ended.has(ends)) return
    this.#ended.add(ends)
    this.denials.push(why)
  }

  #terms({ client, server, protocol, port }: ConversationEnds): TermsData {
    const ends = { source: client, destination: server, protocol, port }
    const query = { source: { ip: client }, destination: { ip: server }, protocol, port }
    return {
      residual: residual(this.model, query),
      facts: { names: this.#book.namesOf(server) },
      onFailure: 'closed',
      isResolver: isResolver(this.#compiler.table, ends),
    }
  }

  /** Lets time pass for the book alone. */
  skip(seconds: number): void {
    this.#skipped += seconds * 1_000
  }

  /** Has every connection judged anew. */
  async touch(): Promise<void> {
    await this.#required().dataplane.sync(this.#compiler.table)
  }

  /** Everything in memory is lost but what is written down. */
  async restart(): Promise<void> {
    const kept = structuredClone(this.#names.entries())
    this.#book = this.#newBook()
    this.#book.restore(kept)
    this.#compiler = this.#newCompiler()
    this.#names = this.#newNames()
    await this.touch()
  }

  /** As if all connections had ended long ago. */
  async forgetConnections(): Promise<void> {
    await run('ip', ['netns', 'exec', this.topology.node, 'conntrack', '-F'])
  }

  /** Packets that the kernel has denied, and those that it has queued, since the last `restart`. */
  async counted(): Promise<{ readonly denied: number; readonly queued: number }> {
    const { denied, queued } = await this.#required().dataplane.counters()
    return { denied, queued: queued.packets }
  }

  #required(): InspectedNode {
    if (!this.#inspected) throw new TypeError('the node is not open')
    return this.#inspected
  }

  /** Ends the threads that read; the kernel's rules stay. */
  async leave(): Promise<void> {
    await this.#required().inspection[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inspected?.[Symbol.asyncDispose]()
    this.#conntrack[Symbol.dispose]()
    this.topology[Symbol.dispose]()
  }
}
