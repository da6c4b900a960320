/** Of integers; its high bits tell most. */
export const hashOf = (a: number, b: number, c: number, d: number): number =>
  Math.imul(Math.imul(Math.imul(Math.imul(a, 0x9e3779b1) + b, 0x85ebca6b) + c, 0x27d4eb2f) + d, 0xc2b2ae35)

const WIDTH = 4

/** Numbers for four integers, from 0 on, the same for equal ones. */
export class Tuples {
  #rows = new Int32Array(WIDTH << 10)
  #count = 0
  /** Numbers, from 1 on, at or after where their hash points; at most half of the places are taken. */
  #places = new Int32Array(1 << 11)
  #shift = 32 - 11

  of(a: number, b: number, c: number, d: number): number {
    const places = this.#places
    const rows = this.#rows
    for (let place = hashOf(a, b, c, d) >>> this.#shift; ; place = (place + 1) & (places.length - 1)) {
      const held = places[place] ?? 0
      if (held === 0) return this.#add(place, [a, b, c, d])
      const row = (held - 1) * WIDTH
      if (rows[row] === a && rows[row + 1] === b && rows[row + 2] === c && rows[row + 3] === d)
        return held - 1
    }
  }

  #add(place: number, tuple: readonly number[]): number {
    this.#rows.set(tuple, this.#count * WIDTH)
    this.#count++
    this.#places[place] = this.#count
    if (this.#count * WIDTH === this.#rows.length) this.#grow()
    return this.#count - 1
  }

  #grow(): void {
    const rows = new Int32Array(2 * this.#rows.length)
    rows.set(this.#rows)
    const places = new Int32Array(2 * this.#places.length)
    this.#rows = rows
    this.#places = places
    this.#shift--
    for (let number = 1; number <= this.#count; number++) {
      const [a = 0, b = 0, c = 0, d = 0] = rows.subarray((number - 1) * WIDTH, number * WIDTH)
      let place = hashOf(a, b, c, d) >>> this.#shift
      while (places[place] !== 0) place = (place + 1) & (places.length - 1)
      places[place] = number
    }
  }
}
