import { type Ip, type IpRange, inRanges, parseIp } from '@sekisho/core'
import type { BoundRule } from '../model/bound.ts'
import type { Model } from '../model/model.ts'
import type { Selection } from '../model/selections.ts'
import { bisect } from './bisect.ts'
import type { EndSet } from './ends.ts'
import { entryOf, type Point, type PointClass, type Space } from './space.ts'

const ANYTHING: EndSet = { kind: 'anything' }

const addressOf = ({ end, ip }: Point): Ip | undefined =>
  ip ?? (end.ip === undefined ? undefined : parseIp(end.ip))

/** A class by an address of it: a block that holds one of its addresses holds all of them. */
interface Addressed {
  readonly ip: Ip
  readonly member: PointClass
}

const compare = (a: Ip, b: Ip): number =>
  a.family - b.family || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0)

function addressed(classes: readonly PointClass[]): readonly Addressed[] {
  const known = classes.flatMap(member => {
    const ip = addressOf(member.first)
    return ip ? [{ ip, member }] : []
  })
  return known.sort((a, b) => compare(a.ip, b.ip))
}

/** The workloads and nodes of a model, in classes, found by what selects them and by their addresses. */
export class Candidates {
  readonly #all: readonly PointClass[]
  readonly #selected = new Map<Selection, PointClass[]>()
  readonly #addressed: readonly Addressed[]

  constructor({ index }: Model, space: Space) {
    this.#all = [...space.workloads(ANYTHING), ...space.nodes(ANYTHING)]
    this.#addressed = addressed(this.#all)
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
  peers({ peers }: BoundRule, outside: readonly PointClass[]): Iterable<PointClass> {
    if (!peers || peers.places.length > 0 || peers.names) return [...this.#all, ...outside]
    const { ranges, selections } = peers
    return new Set([
      ...selections.flatMap(selection => this.selected(selection)),
      ...ranges.flatMap(range => this.#within(range)),
      ...outside.filter(({ first }) => {
        const ip = addressOf(first)
        return ip !== undefined && inRanges(ranges, ip)
      }),
    ])
  }

  #within({ family, first, last }: IpRange): readonly PointClass[] {
    const list = this.#addressed
    const from = bisect(list.length, at => compare(list[at]?.ip ?? NOWHERE, { family, value: first }) < 0)
    const to = bisect(list.length, at => compare(list[at]?.ip ?? NOWHERE, { family, value: last }) <= 0)
    return list.slice(from, to).map(({ member }) => member)
  }
}

const NOWHERE: Ip = { family: 6, value: 1n << 128n }
