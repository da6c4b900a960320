import { isRecord, type JsonRecord, pause, type Timers } from '@sekisho/core'
import type { KubeClient } from '../client/client.ts'
import { isConflict } from '../client/errors.ts'
import { KubeObjects } from '../client/objects.ts'
import type { KubeObject } from '../object.ts'
import { LEASES } from '../resource.ts'
import { type LeaseSpec, microTime, readLease } from './lease.ts'

export interface ElectionOptions {
  readonly client: KubeClient
  readonly namespace: string
  /** Of the Lease. */
  readonly name: string
  /** Of this candidate; unique among all, also after a restart. */
  readonly identity: string
  readonly timers: Timers
  /** In [0, 1), as `Math.random`. */
  readonly random: () => number
  /** True: this candidate leads from now on. False: it must have stopped when this returns. */
  readonly onChange: (leads: boolean) => void
  /**
   * Another took a lease that this candidate held and had not given back.
   * @param overlapped this candidate may have thought that it led when the other already did.
   */
  readonly onTaken?: (holder: string, overlapped: boolean) => void
  /** Renewing failed, and why; undefined when it works again. */
  readonly onTrouble?: (error: unknown) => void
}

/** Others take over after so long without a renewal that they saw. */
const LEASE_SECONDS = 15
/** Who could not renew for so long stops leading: well before others may begin, whatever its clock says. */
const RENEW_DEADLINE_MS = 10_000
const RETRY_MS = 2_000

/**
 * Leader election by a Lease, as the control plane of Kubernetes does it. Time is measured on the own monotonic clock
 * from when a renewal was *seen*; what others write as time is never believed. So two lead at once only where a process
 * is stopped between its last look at the clock and its next write; whatever the leader writes must bear that.
 */
export class Election {
  readonly #options: ElectionOptions
  readonly #leases: KubeObjects
  #observed: { readonly spec: LeaseSpec; readonly at: number } | undefined
  #renewedAt = Number.NEGATIVE_INFINITY
  #leads = false
  /** It stopped later than others may begin: its process, or its machine, stood still. */
  #overstayed = false
  #deadline: Disposable | undefined
  #isTroubled = false

  constructor(options: ElectionOptions) {
    this.#options = options
    this.#leases = new KubeObjects(options.client, LEASES)
  }

  /** Asked before each write: a process that was stopped for a while finds out here, before its timers run. */
  get leads(): boolean {
    return this.#leads && this.#left() > 0
  }
  /** Who held the lease when it was seen last; empty where nobody did. */
  get holder(): string {
    return this.#observed?.spec.holder ?? ''
  }

  /** Takes part until the signal is given; then a lease that is held is given back, so that another may lead at once. */
  async run(signal: AbortSignal): Promise<void> {
    const { timers, random } = this.#options
    while (!signal.aborted) {
      await this.#attempt()
      await pause(timers, RETRY_MS * (this.#leads ? 1 : 1 + 0.2 * random()), signal)
    }
    const held = this.#leads
    this.#become(false)
    if (held) await this.#release()
  }

  async #attempt(): Promise<void> {
    try {
      const renewed = await this.#renew()
      if (this.#isTroubled) this.#options.onTrouble?.(undefined)
      this.#isTroubled = false
      this.#become(renewed)
    } catch (error) {
      // Somebody else wrote first: the next look tells who.
      if (isConflict(error)) return
      this.#isTroubled = true
      this.#options.onTrouble?.(error)
    }
  }

  /** @returns whether the lease is this candidate's now. */
  async #renew(): Promise<boolean> {
    const { namespace, name, identity, timers } = this.#options
    // The time before asking: an answer that is late must not make the lease seem younger.
    const at = timers.monotonic()
    const lease = await this.#leases.find({ namespace, name })
    if (!lease) {
      const created = await this.#leases.create(
        { namespace },
        { metadata: { name }, spec: this.#spec(undefined) },
      )
      return this.#held(created, at)
    }
    const held = this.holder === identity
    const spec = this.#observe(lease)
    const isAnothers = spec.holder !== '' && spec.holder !== identity
    if (held && isAnothers) this.#options.onTaken?.(spec.holder, this.#leads || this.#overstayed)
    if (isAnothers && !this.#isOver()) return false
    return this.#held(await this.#write(lease, this.#spec(spec)), at)
  }

  #held(lease: KubeObject, at: number): boolean {
    this.#observe(lease)
    this.#renewedAt = at
    return true
  }

  #write(lease: KubeObject, spec: JsonRecord): Promise<KubeObject> {
    const { namespace, name } = this.#options
    const before = isRecord(lease.json.spec) ? lease.json.spec : {}
    return this.#leases.replace({ namespace, name }, { ...lease.json, spec: { ...before, ...spec } })
  }

  #observe(lease: KubeObject): LeaseSpec {
    const spec = readLease(lease)
    const before = this.#observed?.spec
    if (before?.renewTime !== spec.renewTime || before.holder !== spec.holder)
      this.#observed = { spec, at: this.#options.timers.monotonic() }
    return spec
  }

  /** Nobody was seen to renew it for as long as it lasts. */
  #isOver(): boolean {
    if (!this.#observed) return false
    const { spec, at } = this.#observed
    return this.#options.timers.monotonic() - at > Math.max(spec.durationSeconds, 1) * 1_000
  }

  #spec(before: LeaseSpec | undefined): JsonRecord {
    const { identity, timers } = this.#options
    const now = microTime(timers.now())
    const isMine = before?.holder === identity
    return {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: now,
      ...(!isMine && { acquireTime: now, leaseTransitions: before ? before.transitions + 1 : 0 }),
    }
  }

  /** Milliseconds until it must have stopped, if it leads. */
  #left(): number {
    return this.#renewedAt + RENEW_DEADLINE_MS - this.#options.timers.monotonic()
  }

  #become(leads: boolean): void {
    const { timers, onChange } = this.#options
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = undefined
    // Not by the loop: a call that hangs must not keep anybody in office.
    if (leads) this.#deadline = timers.after(Math.max(0, this.#left()), () => this.#become(false))
    if (this.#leads === leads) return
    this.#overstayed = !leads && this.#left() < RENEW_DEADLINE_MS - LEASE_SECONDS * 1_000
    this.#leads = leads
    onChange(leads)
  }

  async #release(): Promise<void> {
    const { namespace, name } = this.#options
    try {
      const lease = await this.#leases.find({ namespace, name })
      if (lease && readLease(lease).holder === this.#options.identity)
        await this.#write(lease, { holderIdentity: '', leaseDurationSeconds: 1 })
    } catch (error) {
      // Others wait until it is over, then.
      this.#options.onTrouble?.(error)
    }
  }
}
