import { createHash } from 'node:crypto'
import type { EpochMs } from '@sekisho/core'
import { isNotFound, type JsonRecord, KubeObjects, type ResourceType } from '@sekisho/kube'
import type { FindingsView, NamespaceFindings } from '../insight/findings.ts'
import { REPORT_NAME, reportOf } from './report.ts'
import { runRounds } from './rounds.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

export interface ReportWriterOptions {
  readonly watch: ClusterWatch
  /** Kinds of reports; a cluster may have none of them. */
  readonly types: readonly ResourceType[]
  readonly find: () => Promise<FindingsView>
  /** Only one of several servers writes. */
  readonly leads: () => boolean
}

const ROUND_MS = 10_000
/** Between two looks for findings: they are for people and their dashboards, not for an alarm. */
const LOOK_MS = 300_000
/** The same findings are told again when they were first seen at another time, but not more often. */
const REFRESH_MS = 3_600_000
/** Thousands of namespaces are told of in turns. */
const MOST_EACH_ROUND = 50
const PAGE = 500

const digest = (json: unknown): string => createHash('sha256').update(JSON.stringify(json)).digest('base64')

interface Told {
  /** Of what was found, without when. */
  readonly what: string
  readonly whole: string
  readonly at: EpochMs
}

interface Desired {
  readonly report: JsonRecord
  readonly what: string
  readonly whole: string
}

function desiredOf(namespace: string, findings: NamespaceFindings): Desired {
  const report = reportOf(namespace, findings)
  const what = findings.findings.map(finding => ({ ...finding, since: undefined }))
  return { report, what: digest([what, findings.leftOut]), whole: digest(report) }
}

/** Reports of one kind, as far as they are known. */
class Reports {
  readonly objects: KubeObjects
  /** By namespace; undefined for one of which only is known that it is there. */
  readonly known = new Map<string, Told | undefined>()
  /** Namespaces that are not tried again before the next look: others wait for their turn. */
  readonly failed = new Set<string>()

  constructor(objects: KubeObjects) {
    this.objects = objects
  }

  /** Finds what is there, also of a server that led before. @returns undefined where the cluster has no such kind. */
  static async read(objects: KubeObjects, signal: AbortSignal): Promise<Reports | undefined> {
    const reports = new Reports(objects)
    let next: string | undefined
    try {
      do {
        const page = await objects.page(
          { fieldSelector: `metadata.name=${REPORT_NAME}` },
          { limit: PAGE, next, signal },
        )
        for (const { namespace } of page.objects) reports.known.set(namespace, undefined)
        next = page.next
      } while (next !== undefined)
      return reports
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
}

/** Tells each namespace what was found in it, in the kinds of reports that the cluster has. */
export class ReportWriter {
  readonly #options: ReportWriterOptions
  readonly #reports = new Map<ResourceType, Reports>()
  #desired: ReadonlyMap<string, Desired> = new Map()
  #nextLook = 0

  constructor(options: ReportWriterOptions) {
    this.#options = options
  }

  run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'reports of findings could not be written'
    const round = () => this.#round(signal)
    // Who leads next may find other reports.
    const rest = () => {
      this.#reports.clear()
      this.#nextLook = 0
    }
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest }, watch, signal)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const now = this.#options.watch.timers.now()
    if (now >= this.#nextLook) {
      await this.#look(signal)
      this.#nextLook = now + LOOK_MS
    }
    for (const reports of this.#reports.values()) await this.#write(reports, now, signal)
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { watch, types, find } = this.#options
    for (const type of types) {
      this.#reports.get(type)?.failed.clear()
      if (this.#reports.has(type)) continue
      const reports = await Reports.read(new KubeObjects(watch.client, type), signal)
      if (reports) this.#reports.set(type, reports)
    }
    // Nobody would read them.
    if (this.#reports.size === 0) return
    const found = Object.entries(await find())
    this.#desired = new Map(found.map(([name, findings]) => [name, desiredOf(name, findings)]))
  }

  async #write({ objects, known, failed }: Reports, now: EpochMs, signal: AbortSignal): Promise<void> {
    const place = (namespace: string) => ({ namespace, name: REPORT_NAME })
    const gone = [...known.keys()].filter(namespace => !this.#desired.has(namespace))
    const news = [...this.#desired].filter(([name, desired]) => isNews(known.get(name), desired, now))
    const steps = [
      ...gone.map(namespace => ({
        namespace,
        write: () => objects.remove(place(namespace)),
        told: () => void known.delete(namespace),
      })),
      ...news.map(([namespace, { report, what, whole }]) => ({
        namespace,
        write: () => objects.apply(place(namespace), report, { fieldManager: FIELD_MANAGER, force: true }),
        told: () => void known.set(namespace, { what, whole, at: now }),
      })),
    ]
    const due = steps.filter(({ namespace }) => !failed.has(namespace)).slice(0, MOST_EACH_ROUND)
    for (const { namespace, write, told } of due) {
      if (signal.aborted || !this.#options.leads()) return
      const trouble = `the ${objects.type.kind} of ${namespace} could not be written`
      try {
        await write()
        told()
        this.#options.watch.onTrouble(trouble, undefined)
      } catch (error) {
        failed.add(namespace)
        // Gone in the meantime: it, its namespace or its kind.
        if (isNotFound(error)) this.#reports.delete(objects.type)
        else this.#options.watch.onTrouble(trouble, error)
      }
    }
  }
}

function isNews(told: Told | undefined, { what, whole }: Desired, now: EpochMs): boolean {
  if (!told || told.what !== what) return true
  return told.whole !== whole && now - told.at >= REFRESH_MS
}
