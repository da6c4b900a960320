import { type Family, type Ip, type IpRange, inRanges } from '@sekisho/core'

/** The addresses that a rule's blocks say, sorted and disjoint; one object for all rules that say the same. */
export interface Block {
  readonly key: string
  readonly ranges: readonly IpRange[]
  /** Another for each, also among selections. */
  readonly serial: number
  users: number
}

const keyOf = (ranges: readonly IpRange[]): string =>
  ranges.map(({ family, first, last }) => `${family} ${first}-${last}`).join()

/** Where blocks begin or end; between two neighbours every address is in the same ones. */
interface Cuts {
  readonly points: readonly bigint[]
  /** By how many points are not after the address. */
  readonly serials: (readonly number[] | undefined)[]
}

function cutsOf(blocks: Iterable<Block>, family: Family): Cuts {
  const points = new Set<bigint>()
  for (const { ranges } of blocks) {
    for (const range of ranges) if (range.family === family) points.add(range.first).add(range.last + 1n)
  }
  return { points: [...points].sort((a, b) => (a < b ? -1 : 1)), serials: [] }
}

/** How many points are not after a value; binary search. */
function countUpTo(points: readonly bigint[], value: bigint): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle] ?? 0n) <= value) low = middle + 1
    else high = middle
  }
  return low
}

/** All blocks in use, reference counted, and which of them an address is in. */
export class Blocks {
  readonly #blocks = new Map<string, Block>()
  readonly #nextSerial: () => number
  #cuts: Readonly<Record<Family, Cuts>> | undefined

  constructor(nextSerial: () => number) {
    this.#nextSerial = nextSerial
  }

  acquire(ranges: readonly IpRange[]): Block {
    const key = keyOf(ranges)
    const block = this.#blocks.get(key) ?? this.#make(key, ranges)
    block.users++
    return block
  }

  #make(key: string, ranges: readonly IpRange[]): Block {
    const block = { key, ranges, serial: this.#nextSerial(), users: 0 }
    this.#blocks.set(key, block)
    this.#cuts = undefined
    return block
  }

  release(block: Block): void {
    if (--block.users > 0) return
    this.#blocks.delete(block.key)
    this.#cuts = undefined
  }

  /** Serials of the blocks that an address is in. */
  at(ip: Ip): readonly number[] {
    this.#cuts ??= { 4: cutsOf(this.#blocks.values(), 4), 6: cutsOf(this.#blocks.values(), 6) }
    const { points, serials } = this.#cuts[ip.family]
    const piece = countUpTo(points, ip.value)
    serials[piece] ??= [...this.#blocks.values()].flatMap(({ ranges, serial }) =>
      inRanges(ranges, ip) ? [serial] : [],
    )
    return serials[piece]
  }
}
