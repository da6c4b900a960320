import { type Direction, LIMITS } from '@sekisho/core'
import type { FlowQuery, QueryEnd } from '../decision.ts'
import type { BoundSection } from './bound.ts'
import { findEnd } from './decide.ts'
import { type End, isActed, POLICY_SETS } from './entry.ts'
import type { ModelIndex } from './model-index.ts'

/** Of an end that two models know alike: in which direction the same policies judge it. */
type Judged = Readonly<Record<Direction, boolean>>

const OTHERWISE: Judged = Object.freeze({ ingress: false, egress: false })

/**
 * Which flows two models must judge alike, because all that a verdict depends on is the same: the ends, the policies that
 * judge them, the nodes and the time. Two versions of a policy set share most of it, so that few flows need a judge.
 */
export class Agreement {
  readonly #before: ModelIndex
  readonly #after: ModelIndex
  readonly #ends = new Map<string | undefined, Map<string | undefined, Judged>>()
  #held = 0
  #seen = { before: -1, after: -1 }
  #isPossible = false

  constructor(before: ModelIndex, after: ModelIndex) {
    this.#before = before
    this.#after = after
  }

  covers({ source, destination }: FlowQuery): boolean {
    this.#catchUp()
    return this.#isPossible && this.#judged(source).egress && this.#judged(destination).ingress
  }

  /** Models may change while flows are read: a workload of a record is recalled. */
  #catchUp(): void {
    const [before, after] = [this.#before, this.#after]
    if (before.revision === this.#seen.before && after.revision === this.#seen.after) return
    this.#seen = { before: before.revision, after: after.revision }
    const isTimed = (before.now === undefined) === (after.now === undefined)
    this.#isPossible = isTimed && before.nodeAddresses.equals(after.nodeAddresses)
    this.#forget()
  }

  #forget(): void {
    this.#ends.clear()
    this.#held = 0
  }

  #judged(asked: QueryEnd): Judged {
    return this.#ends.get(asked.workload)?.get(asked.ip) ?? this.#compare(asked)
  }

  #compare(asked: QueryEnd): Judged {
    if (this.#held >= this.#before.workloads.size + LIMITS.parsedAddresses.value) this.#forget()
    const [before, after] = [this.#before, this.#after].map(index => findEnd(index, asked, undefined))
    const judged = before && after && isSame(before, after) ? this.#judgedAlike(before, after) : OTHERWISE
    const byAddress = this.#ends.get(asked.workload) ?? new Map<string | undefined, Judged>()
    this.#ends.set(asked.workload, byAddress.set(asked.ip, judged))
    this.#held++
    return judged
  }

  #judgedAlike(before: End, after: End): Judged {
    return {
      ingress: this.#policies(before, after, 'ingress'),
      egress: this.#policies(before, after, 'egress'),
    }
  }

  #policies({ entry }: End, { entry: other }: End, direction: Direction): boolean {
    if (!entry || !other || !isActed(entry.workload)) return true
    return POLICY_SETS.every(set => {
      const { sections } = this.#before.profile(entry, direction, set)
      const others = this.#after.profile(other, direction, set).sections
      return (
        sections.length === others.length && sections.every((section, at) => isAlike(section, others[at]))
      )
    })
  }
}

/** Time only takes rules away, so that of one document as many rules are the same rules. */
const isAlike = (a: BoundSection, b: BoundSection | undefined): boolean =>
  a.policy === b?.policy && a.rules.length === b.rules.length

/** The same by identity: what is equal but not the same is judged, which is never wrong. */
const isSame = (a: End, b: End): boolean =>
  a.text === b.text &&
  a.entry?.workload === b.entry?.workload &&
  a.host?.workload === b.host?.workload &&
  a.entry?.namespace.namespace === b.entry?.namespace.namespace
