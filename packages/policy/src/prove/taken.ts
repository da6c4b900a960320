import { type Ip, type IpRange, mergeRanges, parseIp } from '@sekisho/core'
import { bisect } from './bisect.ts'

/** Addresses of workloads and nodes: what is left of a range is outside. */
export class Taken {
  /** Disjoint, in order, and never side by side. */
  readonly #runs: readonly IpRange[]

  constructor(texts: Iterable<string>) {
    const taken = [...texts].flatMap(text => parseIp(text) ?? [])
    this.#runs = mergeRanges(taken.map(({ family, value }) => ({ family, first: value, last: value })))
  }

  /** The first address of a range that is nobody's; undefined where all are taken. */
  firstFree({ family, first, last }: IpRange): Ip | undefined {
    const run = this.#runs[bisect(this.#runs.length, at => isBelow(this.#runs[at], { family, value: first }))]
    const value = run && run.family === family && run.first <= first ? run.last + 1n : first
    return value <= last ? { family, value } : undefined
  }
}

const isBelow = (run: IpRange | undefined, { family, value }: Ip): boolean =>
  run !== undefined && (run.family < family || (run.family === family && run.last < value))
