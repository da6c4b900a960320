import { randomInt } from 'node:crypto'
import type { Conntrack } from '@sekisho/linux'
import { GENERATIONS, generationOf, MARK_MASK, nextGeneration } from './mark.ts'

/** What is needed of connection tracking: the marks that are there, and a way to take them back. */
export type ConnectionMarks = Pick<Conntrack, 'visit' | 'setMark'>

const isLate = (generation: number): boolean => generation >= GENERATIONS / 2

/**
 * Numbers the states of the table. There are few enough that one comes again: a connection that was silent for a whole
 * turn would then pass for one that was just judged. So at each half of a turn, and at the start, what is not of the
 * present generation loses its mark.
 */
export class Generations {
  #current: number
  #isDue = true

  /** @param first default: random, so that marks of an earlier run are hardly taken for this one's. */
  constructor(first = randomInt(1, GENERATIONS)) {
    this.#current = first
  }

  get current(): number {
    return this.#current
  }

  raise(): number {
    const next = nextGeneration(this.#current)
    this.#isDue ||= isLate(next) !== isLate(this.#current)
    this.#current = next
    return next
  }

  /** To be called when the kernel has the present generation. What fails is due again. */
  async forget(connections: ConnectionMarks): Promise<void> {
    if (!this.#isDue) return
    await connections.visit(connection => {
      const generation = generationOf(connection.mark)
      if (generation !== 0 && generation !== this.#current) connections.setMark(connection, 0, MARK_MASK)
    })
    this.#isDue = false
  }
}

/** A first generation that no connection's mark is of. */
export async function unusedGeneration(connections: Pick<Conntrack, 'visit'>): Promise<number> {
  const used = new Set<number>()
  await connections.visit(({ mark }) => void used.add(generationOf(mark)))
  let generation = randomInt(1, GENERATIONS)
  // The table raises it before it is used.
  while (used.has(nextGeneration(generation))) generation = nextGeneration(generation)
  return generation
}
