import type { Likeness } from '../finding.ts'
import { registeredOf } from '../suffixes.ts'
import { skeletonOf } from './skeleton.ts'

export interface LookAlike {
  readonly like: string
  readonly how: Likeness
}

interface Protected {
  readonly domain: string
  readonly label: string
}

/** Shorter ones are near too many names by chance. */
const SHORTEST = 5

/** Names that pretend to be one of those that somebody cares for. */
export class LookAlikes {
  readonly #protected: readonly Protected[]
  readonly #domains: ReadonlySet<string>
  readonly #bySkeleton = new Map<string, Protected>()

  constructor(names: readonly string[]) {
    this.#protected = names.map(name => registeredOf(name)).map(({ domain, label }) => ({ domain, label }))
    this.#domains = new Set(this.#protected.map(({ domain }) => domain))
    for (const each of this.#protected) this.#bySkeleton.set(skeletonOf(each.label), each)
  }

  find(name: string): LookAlike | undefined {
    if (this.#protected.length === 0) return undefined
    const { domain, label, below } = registeredOf(name)
    if (this.#domains.has(domain)) return undefined
    const same = this.#bySkeleton.get(skeletonOf(label))
    if (same) return { like: same.domain, how: same.label === label ? 'suffix' : 'letters' }
    for (const each of this.#protected) {
      if (each.label.length < SHORTEST) continue
      if (isOneEditAway(label, each.label)) return { like: each.domain, how: 'one-letter' }
      if (isPart(each, label, below)) return { like: each.domain, how: 'part' }
    }
    return undefined
  }
}

/** `example-login.test`, and `example.com.login.test`. */
const isPart = ({ domain, label }: Protected, other: string, below: string): boolean =>
  other.split('-').includes(label) || `.${below}.`.includes(`.${domain}.`)

/** One letter more, less or other, or two neighbours changed over. */
export function isOneEditAway(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  const [restOfA, restOfB] = [a.slice(at), b.slice(at)]
  if (a.length !== b.length)
    return a.length > b.length ? restOfA.slice(1) === restOfB : restOfB.slice(1) === restOfA
  if (restOfA.slice(1) === restOfB.slice(1)) return true
  return restOfA[0] === restOfB[1] && restOfA[1] === restOfB[0] && restOfA.slice(2) === restOfB.slice(2)
}
