import type { LabelSelector, Labels } from '@sekisho/core'

interface Indexed {
  readonly selector: LabelSelector
}

/**
 * Finds the selectors that a set of labels could satisfy without asking each one: a selector stands under the
 * values of one of its requirements, or under the key that must exist, and only what has neither is always asked.
 * A workload has one value per key, so it meets each selector at most once.
 */
export class LabelIndex<T extends Indexed> {
  readonly #anchored = new Map<string, Set<T>>()

  add(item: T): void {
    for (const anchor of anchors(item.selector)) {
      const items = this.#anchored.get(anchor)
      if (items) items.add(item)
      else this.#anchored.set(anchor, new Set([item]))
    }
  }

  remove(item: T): void {
    for (const anchor of anchors(item.selector)) {
      const items = this.#anchored.get(anchor)
      items?.delete(item)
      if (items?.size === 0) this.#anchored.delete(anchor)
    }
  }

  *candidates(labels: Labels): Generator<T> {
    yield* this.#anchored.get('') ?? []
    for (const [key, value] of Object.entries(labels)) {
      yield* this.#anchored.get(key) ?? []
      yield* this.#anchored.get(`${key}=${value}`) ?? []
    }
  }
}

/** Keys and values of labels hold no "=", so the forms cannot be taken for each other. */
function anchors(selector: LabelSelector): readonly string[] {
  const [equal] = Object.entries(selector.matchLabels ?? {})
  if (equal) return [`${equal[0]}=${equal[1]}`]
  const needed = selector.matchExpressions?.find(({ operator }) => operator === 'In' || operator === 'Exists')
  if (!needed) return ['']
  if (needed.operator === 'Exists') return [needed.key]
  return [...new Set(needed.values)].map(value => `${needed.key}=${value}`)
}
