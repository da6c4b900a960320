import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LIMITS, type Result, type WorkloadId } from '@sekisho/core'
import type { Log } from '../log.ts'
import { list, object, readJson, type Shape, text } from '../shape.ts'

/** Who was given which addresses when its network was made. */
export interface Attachment {
  readonly workload: WorkloadId
  /** Canonical texts. */
  readonly addresses: readonly string[]
}

export interface AttachmentsOptions {
  /** One file for each attachment. */
  readonly folder: string
  readonly log: Pick<Log, 'warn'>
  /** All pods whose network was made on this node, with their addresses: the server learns them later. */
  onAttached(attachments: ReadonlyMap<WorkloadId, readonly string[]>): void
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,250}$/
/** What a runtime calls a sandbox becomes the name of a file. */
export const isAttachmentName = (name: string): boolean => NAME.test(name)

const attachment: Shape<Attachment> = object<Attachment>({
  workload: (json, path) => text(1_024)(json, path) as WorkloadId, // looked up, never trusted
  addresses: list(text(64), LIMITS.addressesPerWorkload.value),
})

/** An attachment as it was written by `JSON.stringify`. */
const parseAttachment = (source: string): Result<Attachment, string> => readJson(attachment, source)

/** The attachments of the node's pods; in files, since pods outlive the agent. */
export class Attachments {
  readonly #options: AttachmentsOptions
  readonly #all = new Map<string, Attachment>()

  constructor(options: AttachmentsOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    this.#load()
  }

  /** Attachments of earlier runs: their pods still live. */
  #load(): void {
    for (const name of readdirSync(this.#options.folder)) {
      const read = parseAttachment(readFileSync(this.#at(name), 'utf8'))
      if (read.ok) this.#all.set(name, read.value)
      else this.#options.log.warn('an attachment is left out', { name, reason: read.error })
    }
    if (this.#all.size > 0) this.#tell()
  }

  #at(name: string): string {
    return join(this.#options.folder, name)
  }

  #tell(): void {
    const all = new Map<WorkloadId, readonly string[]>()
    for (const { workload, addresses } of this.#all.values()) {
      all.set(workload, [...(all.get(workload) ?? []), ...addresses])
    }
    this.#options.onAttached(all)
  }

  has(name: string): boolean {
    return this.#all.has(name)
  }

  /** An address belongs to whom it was given last: what is deleted may be told after its address is used anew. */
  set(name: string, given: Attachment): void {
    this.#put(name, given)
    this.#tell()
  }

  #put(name: string, given: Attachment): void {
    for (const [other, { addresses }] of this.#all) {
      if (other !== name && addresses.some(ip => given.addresses.includes(ip))) {
        this.#all.delete(other)
        rmSync(this.#at(other), { force: true })
      }
    }
    this.#all.set(name, given)
    writeFileSync(this.#at(name), JSON.stringify(given), { mode: 0o600 })
  }

  /** These, and no others. */
  replace(all: ReadonlyMap<string, Attachment>): void {
    this.#forget(name => !all.has(name))
    for (const [name, given] of all) this.#put(name, given)
    this.#tell()
  }

  /** Those whose names pass no more are forgotten. */
  keep(isKept: (name: string) => boolean): void {
    if (this.#forget(name => !isKept(name))) this.#tell()
  }

  #forget(isGone: (name: string) => boolean): boolean {
    const gone = [...this.#all.keys()].filter(isGone)
    for (const name of gone) {
      this.#all.delete(name)
      rmSync(this.#at(name), { force: true })
    }
    return gone.length > 0
  }

  /** Others remove files: a plugin does, so that it needs no agent for it. */
  look(): void {
    const there = new Set(readdirSync(this.#options.folder))
    this.keep(name => there.has(name))
  }
}
