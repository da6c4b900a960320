import { type Family, type Ip, type IpRange, parseIp } from '@sekisho/core'

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Addresses of workloads and nodes: what is left of a range is outside. */
export class Taken {
  readonly #values: Readonly<Record<Family, readonly bigint[]>>

  constructor(texts: Iterable<string>) {
    const values: Record<Family, Set<bigint>> = { 4: new Set(), 6: new Set() }
    for (const text of texts) {
      const ip = parseIp(text)
      if (ip) values[ip.family].add(ip.value)
    }
    this.#values = { 4: [...values[4]].toSorted(ascending), 6: [...values[6]].toSorted(ascending) }
  }

  /** The first address of a range that is nobody's; undefined where all are taken. */
  firstFree({ family, first, last }: IpRange): Ip | undefined {
    const values = this.#values[family]
    let free = first
    for (let at = this.#from(values, first); values[at] === free; at++) free++
    return free <= last ? { family, value: free } : undefined
  }

  #from(values: readonly bigint[], value: bigint): number {
    let low = 0
    let high = values.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((values[middle] ?? value) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}
