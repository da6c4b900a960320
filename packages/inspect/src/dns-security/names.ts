/** Whether a name is the zone or below it. */
export const isWithin = (name: string, zone: string): boolean =>
  zone === '' || name === zone || (name.length > zone.length && name.endsWith(`.${zone}`))

/** Name patterns as in policies: `*.example.com` is what is below `example.com`. */
export class NamePatterns {
  readonly #exact: ReadonlySet<string>
  readonly #below: ReadonlySet<string>

  constructor(patterns: readonly string[]) {
    this.#exact = new Set(patterns.filter(pattern => !pattern.startsWith('*.')))
    this.#below = new Set(patterns.filter(each => each.startsWith('*.')).map(each => each.slice(2)))
  }

  has(name: string): boolean {
    if (this.#exact.has(name)) return true
    if (this.#below.size === 0) return false
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
      if (this.#below.has(name.slice(dot + 1))) return true
    return false
  }
}

/** Names of addresses: `4.3.2.1.in-addr.arpa`, and of IPv6 a label for each half of a byte. */
export const isReverse = (name: string): boolean => /^(?:[\da-f/-]{1,7}\.)*(?:in-addr|ip6)\.arpa$/.test(name)
