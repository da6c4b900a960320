import type { ApplicationName } from '@sekisho/core'

/** Steps from the root of a document to a value in it. */
export type Path = readonly (string | number)[]

/** A mistake before its position in the text is known. */
export interface Finding {
  readonly path: Path
  readonly reason: string
  /** It counts only where no such application is defined. */
  readonly unlessDefined?: ApplicationName
}

/** As in `spec.ingress[0].ports`; keys that are not plain words are quoted. */
export const formatPath = (path: Path): string =>
  path
    .map((step, at) => {
      if (typeof step === 'number') return `[${step}]`
      if (!/^[A-Za-z_][\w-]*$/.test(step)) return `[${JSON.stringify(step)}]`
      return at === 0 ? step : `.${step}`
    })
    .join('')

/** Edits between two short words, up to `most` (then `most + 1`). */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? most + 1
}

/** `, did you mean "podSelector"?` where one of the words is close, else nothing. */
export function didYouMean(word: string, words: readonly string[]): string {
  const scored = words.map(
    candidate => [candidate, distance(word.toLowerCase().slice(0, 64), candidate.toLowerCase(), 2)] as const,
  )
  const best = scored.toSorted((a, b) => a[1] - b[1])[0]
  return best && best[1] <= 2 ? `; did you mean "${best[0]}"?` : ''
}

const typeName = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`

/**
 * One value of a foreign document and where it stands. Reading goes on after a mistake, so that
 * all of them are reported at once; a document with any finding is refused whole.
 */
export class Spot {
  readonly value: unknown
  readonly path: Path
  readonly #findings: Finding[]

  constructor(value: unknown, path: Path, findings: Finding[]) {
    this.value = value
    this.path = path
    this.#findings = findings
  }

  refuse(reason: string): void {
    this.#findings.push({ path: this.path, reason })
  }

  /** Refuses a name unless another document, which may be read later, defines it. */
  refuseUnlessDefined(name: ApplicationName, reason: string): void {
    this.#findings.push({ path: this.path, reason, unlessDefined: name })
  }

  /** Kubernetes reads null as not written. */
  get absent(): boolean {
    return this.value === undefined || this.value === null
  }

  /** A field, never one of Object's own such as `constructor`. */
  at(key: string | number): Spot {
    const held = typeof this.value === 'object' && this.value !== null && Object.hasOwn(this.value, key)
    const value = held ? (this.value as Record<string | number, unknown>)[key] : undefined
    return new Spot(value, [...this.path, key], this.#findings)
  }

  get keys(): readonly string[] {
    return this.isObject() ? Object.keys(this.value as object) : []
  }

  private isObject(): boolean {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value)
  }

  /** Refuses what is no object. */
  object(): boolean {
    if (!this.isObject())
      this.refuse(this.absent ? 'is required' : `must be an object, not ${typeName(this.value)}`)
    return this.isObject()
  }

  /** Refuses what is no object and every field that is not known. */
  fields(known: readonly string[]): boolean {
    if (!this.object()) return false
    for (const key of this.keys) {
      if (!known.includes(key)) this.at(key).refuse(`unknown field${didYouMean(key, known)}`)
    }
    return true
  }

  /** The items of a list; none when absent; refuses anything else and more than `most`. */
  list(most: number): readonly Spot[] {
    if (this.absent) return []
    if (!Array.isArray(this.value)) {
      this.refuse(`must be a list, not ${typeName(this.value)}`)
      return []
    }
    if (this.value.length > most) {
      this.refuse(`has ${this.value.length} items; at most ${most} are allowed`)
      return []
    }
    return this.value.map((_, index) => this.at(index))
  }

  /** A string; refuses anything else, with a hint where YAML made a number or boolean of it. */
  text(): string | undefined {
    if (typeof this.value === 'string') return this.value
    const hint = typeof this.value === 'number' || typeof this.value === 'boolean' ? '; put it in quotes' : ''
    this.refuse(this.absent ? 'is required' : `must be a string, not ${typeName(this.value)}${hint}`)
    return undefined
  }

  /** One of the words. */
  oneOf<const T extends string>(words: readonly T[]): T | undefined {
    const word = words.find(candidate => candidate === this.value)
    if (word !== undefined) return word
    const hint = typeof this.value === 'string' ? didYouMean(this.value, words) : ''
    this.refuse(this.absent ? 'is required' : `must be one of ${words.join(', ')}${hint}`)
    return undefined
  }

  /** A whole number within the bounds, both inside. */
  integer(first: number, last: number): number | undefined {
    if (Number.isInteger(this.value) && (this.value as number) >= first && (this.value as number) <= last) {
      return this.value as number
    }
    this.refuse(`must be a whole number from ${first} to ${last}`)
    return undefined
  }
}
