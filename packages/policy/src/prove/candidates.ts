import { type Ip, inRanges, parseIp } from '@sekisho/core'
import type { BoundRule } from '../model/bound.ts'
import type { Model } from '../model/model.ts'
import type { Selection } from '../model/selections.ts'
import type { EndSet } from './ends.ts'
import { entryOf, type Point, type PointClass, type Space } from './space.ts'

const ANYTHING: EndSet = { kind: 'anything' }

const addressOf = ({ end, ip }: Point): Ip | undefined =>
  ip ?? (end.ip === undefined ? undefined : parseIp(end.ip))

/** The workloads and nodes of a model, in classes, found by what selects them. */
export class Candidates {
  readonly #all: readonly PointClass[]
  readonly #selected = new Map<Selection, PointClass[]>()

  constructor({ index }: Model, space: Space) {
    this.#all = [...space.workloads(ANYTHING), ...space.nodes(ANYTHING)]
    for (const each of this.#all) {
      for (const selection of entryOf(index, each.first)?.selections ?? []) {
        const held = this.#selected.get(selection)
        if (held) held.push(each)
        else this.#selected.set(selection, [each])
      }
    }
  }

  selected(selection: Selection | undefined): readonly PointClass[] {
    return (selection && this.#selected.get(selection)) ?? []
  }

  /** Those that a rule may be about, outside ones among them; where a name or place is asked for, the flow itself tells. */
  peers({ peers }: BoundRule, outside: readonly PointClass[]): ReadonlySet<PointClass> {
    if (!peers || peers.places.length > 0 || peers.names) return new Set([...this.#all, ...outside])
    const { ranges, selections } = peers
    const within = (ranges.length === 0 ? [] : [...this.#all, ...outside]).filter(({ first }) => {
      const ip = addressOf(first)
      return ip !== undefined && inRanges(ranges, ip)
    })
    return new Set([...selections.flatMap(selection => this.selected(selection)), ...within])
  }
}
