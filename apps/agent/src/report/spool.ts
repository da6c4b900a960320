import { randomUUID } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Batch } from '@sekisho/core'
import { isMissing, writeDurably } from '../state-directory.ts'

const compress = promisify(gzip)

/**
 * Batches that the server has not yet acknowledged, one gzipped JSON file each:
 *
 *     <epoch>.<sequence>.<records>.json.gz   a batch, as it will be sent
 *     <epoch>.<sequence>.done                the last one that was acknowledged or given up
 *
 * The names are the counter: the next sequence is one more than the largest there is. The marker is on disk
 * before the batch it stands for is removed, so a crash at any step can repeat a batch (the server knows it by
 * its sequence) but never give its number to another. Files are written, synced and renamed, then their directory
 * is synced: what `append` returned from survives a power failure.
 */
export interface Spool {
  readonly epoch: string
  /** Batches waiting. */
  readonly length: number
  readonly bytes: number
  append(content: Omit<Batch, 'epoch' | 'sequence'>): Promise<void>
  oldest(): SpooledBatch | undefined
  /** Forgets a batch: the server has it, or will never take it. */
  remove(batch: SpooledBatch): Promise<void>
}

export interface SpooledBatch {
  readonly sequence: number
  /** Flows and events in it, for the ledger when it must be given up. */
  readonly records: number
  readonly bytes: number
  /** The gzipped JSON; undefined when the file is gone. */
  read(): Promise<Uint8Array | undefined>
}

export interface SpoolOptions {
  readonly directory: string
  readonly mostBytes: number
  /** The oldest batch was given up because the spool is full. */
  readonly onDropped: (batch: SpooledBatch) => void
}

const NAME = /^(?<epoch>[0-9a-f-]{36})\.(?<sequence>\d{1,15})\.(?:(?<records>\d{1,9})\.json\.gz|done)$/

interface Entry extends SpooledBatch {
  readonly name: string
}

class DirectorySpool implements Spool {
  readonly epoch: string
  readonly #options: SpoolOptions
  readonly #entries: Entry[]
  readonly #markers: string[]
  #last: number
  #bytes: number

  constructor(options: SpoolOptions) {
    this.#options = options
    const found = readdirSync(options.directory).flatMap(name => parseName(name) ?? [])
    const newest = found.toSorted((a, b) => b.sequence - a.sequence)[0]
    this.epoch = newest?.epoch ?? randomUUID()
    // More than one epoch is the work of a hand; only the newest's numbers continue.
    const own = found.filter(({ epoch }) => epoch === this.epoch)
    for (const { name, epoch } of found) if (epoch !== this.epoch) rmSync(join(options.directory, name))
    this.#last = newest?.sequence ?? 0
    this.#markers = own.filter(({ records }) => records === undefined).map(({ name }) => name)
    this.#entries = own
      .filter(({ records }) => records !== undefined)
      .toSorted((a, b) => a.sequence - b.sequence)
      .map(({ name, sequence, records = 0 }) => this.#entry(name, sequence, records))
    this.#bytes = this.#entries.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get length(): number {
    return this.#entries.length
  }
  get bytes(): number {
    return this.#bytes
  }

  #path(name: string): string {
    return join(this.#options.directory, name)
  }

  #entry(name: string, sequence: number, records: number, bytes = statSync(this.#path(name)).size): Entry {
    return { name, sequence, records, bytes, read: () => readOrNothing(this.#path(name)) }
  }

  async append(content: Omit<Batch, 'epoch' | 'sequence'>): Promise<void> {
    const sequence = ++this.#last
    const batch: Batch = { ...content, epoch: this.epoch, sequence }
    const records = batch.flows.length + batch.events.length
    const name = `${this.epoch}.${sequence}.${records}.json.gz`
    const bytes = await compress(JSON.stringify(batch))
    await this.#makeRoom(bytes.length)
    await writeDurably(this.#path(name), bytes)
    this.#entries.push(this.#entry(name, sequence, records, bytes.length))
    this.#bytes += bytes.length
  }

  /** The newest records are worth most: the oldest go. */
  async #makeRoom(bytes: number): Promise<void> {
    for (let oldest = this.#entries[0]; oldest; oldest = this.#entries[0]) {
      if (this.#bytes + bytes <= this.#options.mostBytes) return
      this.#options.onDropped(oldest)
      await this.remove(oldest)
    }
  }

  oldest(): SpooledBatch | undefined {
    return this.#entries[0]
  }

  async remove({ sequence }: SpooledBatch): Promise<void> {
    const index = this.#entries.findIndex(entry => entry.sequence === sequence)
    const [entry] = index < 0 ? [] : this.#entries.splice(index, 1)
    if (!entry) return
    this.#bytes -= entry.bytes
    const marker = `${this.epoch}.${sequence}.done`
    await writeDurably(this.#path(marker), '')
    await rm(this.#path(entry.name), { force: true })
    for (const old of this.#markers.splice(0)) await rm(this.#path(old), { force: true })
    this.#markers.push(marker)
  }
}

interface ParsedName {
  readonly name: string
  readonly epoch: string
  readonly sequence: number
  readonly records: number | undefined
}

function parseName(name: string): ParsedName | undefined {
  const groups = NAME.exec(name)?.groups
  if (!groups?.epoch) return undefined
  return {
    name,
    epoch: groups.epoch,
    sequence: Number(groups.sequence),
    records: groups.records === undefined ? undefined : Number(groups.records),
  }
}

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Opens the spool with what an earlier run left in it. */
export const openSpool = (options: SpoolOptions): Spool => new DirectorySpool(options)
