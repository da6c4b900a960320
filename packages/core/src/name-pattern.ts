/** A DNS name as it is compared: lower case, without the dot at its end (RFC 4343, RFC 1034 section 3.1). */
export const canonicalName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/** Canonical names, and patterns as policies write them: `*.example.com` is what is below `example.com`. */
export class NamePatterns {
  readonly #exact: ReadonlySet<string>
  readonly #below: ReadonlySet<string>

  constructor(patterns: readonly string[]) {
    this.#exact = new Set(patterns.filter(pattern => !pattern.startsWith('*.')))
    this.#below = new Set(patterns.filter(each => each.startsWith('*.')).map(each => each.slice(2)))
  }

  /** @param name canonical. */
  has(name: string): boolean {
    if (this.#exact.has(name)) return true
    if (this.#below.size === 0) return false
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
      if (this.#below.has(name.slice(dot + 1))) return true
    return false
  }
}
