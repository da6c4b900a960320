const PLACE_BITS = 17
/** Three numbers that are asked by, and the one that is held for them. */
const WIDTH_BITS = 2

/** Numbers by three others, in as much memory as in the beginning: what comes later takes the place of what came before. */
export class Memo {
  readonly #numbers = new Int32Array(1 << (PLACE_BITS + WIDTH_BITS))

  /** @returns 0 where none is held. */
  get(a: number, b: number, c: number): number {
    const numbers = this.#numbers
    const at = place(a, b, c)
    const isHeld = numbers[at] === a && numbers[at + 1] === b && numbers[at + 2] === c
    return isHeld ? (numbers[at + 3] ?? 0) : 0
  }

  /** @param value not 0 */
  set(a: number, b: number, c: number, value: number): void {
    const numbers = this.#numbers
    const at = place(a, b, c)
    numbers[at] = a
    numbers[at + 1] = b
    numbers[at + 2] = c
    numbers[at + 3] = value
  }

  clear(): void {
    this.#numbers.fill(0)
  }
}

function place(a: number, b: number, c: number): number {
  const ends = Math.imul(Math.imul(a, 0x9e3779b1) + b, 0x85ebca6b)
  return (Math.imul(ends + c, 0xc2b2ae35) >>> (32 - PLACE_BITS)) << WIDTH_BITS
}
