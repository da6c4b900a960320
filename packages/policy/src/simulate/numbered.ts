/** Numbers for values, from 0 on, the same for equal ones. */
export class Numbered<T> {
  readonly #numbers = new Map<T, number>()

  get values(): Iterable<T> {
    return this.#numbers.keys()
  }

  of(value: T): number {
    const held = this.#numbers.get(value)
    if (held !== undefined) return held
    this.#numbers.set(value, this.#numbers.size)
    return this.#numbers.size - 1
  }
}
