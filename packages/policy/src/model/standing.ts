import type { Direction, NamedPort } from '@sekisho/core'
import type { BoundPolicy } from './bound.ts'
import { PLACE_SERIALS } from './entities.ts'
import { type End, type Identity, isActed, type PolicySet, profileSlot } from './entry.ts'
import type { ModelIndex } from './model-index.ts'
import { EMPTY_PROFILE, makeProfile, type Profile } from './profile.ts'
import { compileSteps } from './screen.ts'
import { Sheets } from './sheets.ts'

/** What selectors make of an identity: those that are in the same selections share one. */
export interface Kin {
  /** Another for each. */
  readonly serial: number
  /** Of its selections, sorted. */
  readonly selections: readonly number[]
  /** Those of every mode that select it, in the order in which they are asked; none where it is switched off. */
  readonly policies: readonly BoundPolicy[]
  readonly ports: readonly NamedPort[]
  /** What judges it, at `profileSlot`; made when first asked for. */
  readonly profiles: (Profile | undefined)[]
}

/**
 * What an end is to the policies: all that a verdict may depend on, but which workload it is and of which node. Ends
 * that the policies cannot tell apart share one.
 */
export interface Standing {
  /** Where `Sheets` has it. */
  readonly place: number
  /** It may be the own node of the other end. */
  readonly isNode: boolean
}

/** Where `Sheets` has what judges each direction, see `profileSlot`. */
type Steps = readonly [ingress: number, egress: number, auditIngress: number, auditEgress: number]

const needsFacts = ({ sections }: BoundPolicy): boolean =>
  Object.values(sections).some(({ rules }) => rules.some(rule => rule.needsFacts))

const byId = (a: BoundPolicy, b: BoundPolicy): number => (a.document.id < b.document.id ? -1 : 1)

/** More than there are of outside ends, which are as many as blocks tell apart. */
const SPARE = 4096

/** Finds what an end is to the policies, as the model is now. */
export class Standings {
  readonly #index: ModelIndex
  readonly #kins = new Map<string, Kin>()
  readonly #standings = new Map<string, Standing>()
  readonly #steps = new Map<Kin | undefined, Steps>()
  #made = 0
  sheets = new Sheets()

  constructor(index: ModelIndex) {
    this.#index = index
  }

  /** To be called between two revisions: what is not used any more goes with everything else, and the rest comes back. */
  tidy(): void {
    if (this.#kins.size + this.#standings.size <= 4 * this.#index.workloads.size + SPARE) return
    this.#kins.clear()
    this.#standings.clear()
    this.#steps.clear()
    this.sheets = new Sheets()
  }

  kin(identity: Identity): Kin {
    identity.kin ??= this.#findKin(identity)
    return identity.kin
  }

  #findKin({ selections: selected, ports, isProtected }: Identity): Kin {
    const selections = Array.from(selected, ({ serial }) => serial).sort((a, b) => a - b)
    const policies = isProtected ? [...selected].flatMap(({ subjectOf }) => [...subjectOf]).sort(byId) : []
    const bound = policies.map(policy => policy.serial)
    const named = ports.map(({ name, protocol, port }) => [name, protocol, port])
    const key = JSON.stringify([selections, bound, named])
    const held = this.#kins.get(key)
    if (held) return held
    const made: Kin = {
      serial: this.#made++,
      selections,
      policies,
      ports,
      profiles: Array(4).fill(undefined),
    }
    this.#kins.set(key, made)
    return made
  }

  profile(kin: Kin | undefined, direction: Direction, set: PolicySet): Profile {
    if (!kin) return EMPTY_PROFILE
    const slot = profileSlot(direction, set)
    kin.profiles[slot] ??= this.#makeProfile(kin, direction, set)
    return kin.profiles[slot]
  }

  #makeProfile(kin: Kin, direction: Direction, set: PolicySet): Profile {
    const { policies } = kin
    const audits = policies.some(({ document, sections }) => document.mode === 'Audit' && sections[direction])
    if (set === 'audit' && !audits) return this.profile(kin, direction, 'enforce')
    return makeProfile(policies, direction, set)
  }

  of(end: End): Standing {
    const { standing, revision } = end
    return standing !== undefined && revision === this.#index.revision ? standing : this.#find(end)
  }

  #find(end: End): Standing {
    const { entry, host, text, ip } = end
    const subject = entry ?? host
    const kin = subject && this.kin(subject.identity)
    const acts = subject !== undefined && isActed(subject.workload)
    const isNode = text !== undefined && this.#index.nodeAddresses.hasAny(text)
    const around = [...(ip ? this.#index.blocks.at(ip) : []), ...placeOf(end, isNode)]
    const key = `${kin?.serial} ${around.join()} ${isNode} ${acts}`
    const standing = this.#standings.get(key) ?? { place: this.#place(kin, around, acts), isNode }
    this.#standings.set(key, standing)
    end.standing = standing
    end.revision = this.#index.revision
    return standing
  }

  #place(kin: Kin | undefined, around: readonly number[], acts: boolean): number {
    const [ingress, egress, auditIngress, auditEgress] = this.#stepsOf(kin)
    return this.sheets.addStanding({
      serials: [...(kin?.selections ?? []), ...around],
      ingress,
      egress,
      auditIngress,
      auditEgress,
      acts,
      needsFacts: kin?.policies.some(needsFacts) ?? false,
    })
  }

  #stepsOf(kin: Kin | undefined): Steps {
    const held = this.#steps.get(kin)
    if (held) return held
    const places = new Map([[EMPTY_PROFILE, this.sheets.nobody]])
    const compile = (direction: Direction, set: PolicySet): number => {
      const profile = this.profile(kin, direction, set)
      const judging = { stages: profile.stages, direction, ports: kin?.ports ?? [] }
      const place = places.get(profile) ?? this.sheets.addSteps(compileSteps(judging))
      places.set(profile, place)
      return place
    }
    const made: Steps = [
      compile('ingress', 'enforce'),
      compile('egress', 'enforce'),
      compile('ingress', 'audit'),
      compile('egress', 'audit'),
    ]
    this.#steps.set(kin, made)
    return made
  }
}

function placeOf({ entry, text }: End, isNode: boolean): readonly number[] {
  if (text === undefined) return []
  const isWorld = !isNode && (!entry || entry.workload.kind === 'external')
  return [isWorld ? PLACE_SERIALS.world : PLACE_SERIALS.cluster]
}
