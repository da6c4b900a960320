import { andAll, type Cube, subtract } from '../cube.ts'

/** Something about a set of workloads. */
export interface About {
  readonly subject: readonly Cube[]
}

/** Workloads that the same things are about. */
export interface Piece<T> {
  readonly cube: Cube
  readonly about: readonly T[]
}

/** Thrown where a set has no translation; caught where the set is translated. */
export class Inexpressible extends Error {
  override readonly name = 'Inexpressible'
}

/** Two policies of many selectors split the cluster into pieces; past this the result would help no one. */
const MOST_PIECES = 256

/** A set of workloads in disjoint pieces, each wholly inside or outside of every subject; order is kept. */
export function cut<T extends About>(whole: readonly Cube[], things: readonly T[]): readonly Piece<T>[] {
  const disjoint = (subject: readonly Cube[]) =>
    subject.flatMap((one, i) => subtract([one], subject.slice(0, i)))
  let pieces: Piece<T>[] = disjoint(whole).map(cube => ({ cube, about: [] }))
  for (const thing of things) {
    const parts = disjoint(thing.subject)
    pieces = pieces.flatMap(({ cube, about }) => [
      ...andAll([cube], parts).map(both => ({ cube: both, about: [...about, thing] })),
      ...subtract([cube], thing.subject).map(rest => ({ cube: rest, about })),
    ])
    if (pieces.length > MOST_PIECES)
      throw new Inexpressible(`the selectors split the cluster into more than ${MOST_PIECES} pieces`)
  }
  return pieces
}
