import { join } from 'node:path'
import type { Timers, WorkloadId } from '@sekisho/core'
import { createDurations } from '@sekisho/dataplane'
import { type Log, reasonOf } from '../log.ts'
import { type Attachment, Attachments } from './attachments.ts'

/** What becomes of a pod whose rules cannot be put into the kernel in time. */
export const FALLBACKS = ['closed', 'open'] as const
export type Fallback = (typeof FALLBACKS)[number]

/** How new pods wait for their rules, whoever asks. */
export interface GateOptions {
  /** Where it is remembered who has which addresses. Below /run, since after a reboot there are no pods. */
  readonly directory: string
  readonly fallback: Fallback
  /** How long a pod's start waits for its rules before it is tried again. */
  readonly waitSeconds: number
  /** Namespaces whose pods never wait: the cluster could not start, or start us, without them. */
  readonly exempt: readonly string[]
}

/** What a gate knows of rules. */
export interface Rules {
  readonly timers: Timers
  readonly log: Log
  /** All pods whose network was made on this node, with their addresses: the server learns them later. */
  onAttached(attachments: ReadonlyMap<WorkloadId, readonly string[]>): void
  /** Whether the pod's labels are known, so that there can be rules for it. */
  isKnown(workload: WorkloadId): boolean
  /** Resolves when what is known is in the kernel; false where the kernel refused it. */
  programmed(): Promise<boolean>
}

/** What a new pod is told: its rules are there, it passes without them, or not now. */
export type Admission =
  | { readonly kind: 'added' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'refused'; readonly reason: string }

interface Waiting {
  readonly workload: WorkloadId
  known(): void
}

/** Where new pods wait until their rules are in the kernel. The container runtime's way to ask is not its matter. */
export class Gate {
  readonly attachments: Attachments
  readonly #fallback: Fallback
  readonly #rules: Rules
  readonly #waiting = new Set<Waiting>()
  readonly #durations = createDurations()
  readonly #counts = { added: 0, refused: 0, passed: 0 }

  constructor({ directory, fallback }: Pick<GateOptions, 'directory' | 'fallback'>, rules: Rules) {
    this.#fallback = fallback
    this.#rules = rules
    this.attachments = new Attachments({
      folder: join(directory, 'attachments'),
      log: rules.log,
      onAttached: all => rules.onAttached(all),
    })
  }

  /** Since the start: pods that were let in, refused, and let in without rules; how long the first took. */
  get status() {
    const { percentile } = this.#durations
    return { ...this.#counts, addMs: { p50: percentile(0.5), p99: percentile(0.99) } }
  }

  /** Answers within that time, whatever becomes of the rules. */
  async admit(name: string, attachment: Attachment, withinMs: number): Promise<Admission> {
    const { timers, log } = this.#rules
    const since = timers.monotonic()
    try {
      this.attachments.set(name, attachment)
      const obstacle = await this.#obstacle(attachment.workload, withinMs)
      if (obstacle !== undefined) return this.turnAway(obstacle)
    } catch (error) {
      log.error('a pod that waits for its rules', error, { workload: attachment.workload })
      return this.turnAway(reasonOf(error))
    }
    this.#counts.added++
    this.#durations.add(timers.monotonic() - since)
    return { kind: 'added' }
  }

  /** What becomes of a pod for which there can be no rules now: the one place where that is decided. */
  turnAway(reason: string): Admission {
    if (this.#fallback === 'open') {
      this.#counts.passed++
      return { kind: 'passed' }
    }
    this.#counts.refused++
    return { kind: 'refused', reason }
  }

  async #obstacle(workload: WorkloadId, withinMs: number): Promise<string | undefined> {
    const { timers, isKnown, programmed } = this.#rules
    const late = Promise.withResolvers<'late'>()
    using _timer = timers.after(withinMs, () => late.resolve('late'))
    if (!isKnown(workload) && (await this.#becomesKnown(workload, late.promise)) === 'late')
      return `the server has not told of ${workload} yet`
    switch (await Promise.race([programmed(), late.promise])) {
      case true:
        return undefined
      case false:
        return 'the kernel refused the rules'
      case 'late':
        return 'the rules are not in the kernel yet'
    }
  }

  #becomesKnown(workload: WorkloadId, late: Promise<'late'>): Promise<'known' | 'late'> {
    const { promise, resolve } = Promise.withResolvers<'known'>()
    const waiting = { workload, known: () => resolve('known') }
    this.#waiting.add(waiting)
    return Promise.race([promise, late]).finally(() => this.#waiting.delete(waiting))
  }

  /** The state is another. */
  stateChanged(): void {
    for (const { workload, known } of this.#waiting) if (this.#rules.isKnown(workload)) known()
  }
}
